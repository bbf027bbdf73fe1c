package main

import (
	"context"
	"encoding/json"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"sigs.k8s.io/yaml"
)

// kustomization reads a manifest as Flux' own type; a field that it does not have is an error.
func kustomization(_ context.Context, manifest json.RawMessage) (kustomizev1.Kustomization, error) {
	var read kustomizev1.Kustomization
	err := yaml.UnmarshalStrict(manifest, &read)
	return read, err
}
