package main

import (
	"context"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// The field manager of Flux' controller, and the group by whose labels it knows what it has applied.
	manager = "kustomize-controller"
	group   = "kustomize.toolkit.fluxcd.io"
)

type fluxRequest struct {
	// Kubeconfig is the path of a file.
	Kubeconfig string `json:"kubeconfig"`
	// Name and Namespace are those of the Kustomization.
	Name      string                       `json:"name"`
	Namespace string                       `json:"namespace"`
	Objects   []*unstructured.Unstructured `json:"objects"`
}

// fluxApply applies objects with the options that the kustomize-controller gives (apply in its
// internal/controller/kustomization_controller.go), and answers what was done to each.
func fluxApply(ctx context.Context, request fluxRequest) (map[string]string, error) {
	resources, err := resources(request)
	if err != nil {
		return nil, err
	}
	if err := normalize.UnstructuredList(request.Objects); err != nil {
		return nil, err
	}
	resources.SetOwnerLabels(request.Objects, request.Name, request.Namespace)
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{group + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{group + "/force": "enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: manager, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{group + "/ssa": "Merge"},
	}
	changes, err := resources.ApplyAllStaged(ctx, request.Objects, options)
	return done(changes), err
}

// fluxPrune deletes objects with the options that the kustomize-controller gives (deleteObjects there), and answers
// what was done to each.
func fluxPrune(ctx context.Context, request fluxRequest) (map[string]string, error) {
	resources, err := resources(request)
	if err != nil {
		return nil, err
	}
	changes, err := resources.DeleteAll(ctx, request.Objects, ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        resources.GetOwnerLabels(request.Name, request.Namespace),
		Exclusions: map[string]string{
			group + "/prune": "disabled", group + "/reconcile": "disabled", group + "/ssa": "Ignore",
		},
	})
	return done(changes), err
}

func resources(request fluxRequest) (*ssa.ResourceManager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", request.Kubeconfig)
	if err != nil {
		return nil, err
	}
	cluster, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	return ssa.NewResourceManager(cluster, nil, ssa.Owner{Field: manager, Group: group}), nil
}

func done(changes *ssa.ChangeSet) map[string]string {
	done := map[string]string{}
	if changes == nil {
		return done
	}
	for _, entry := range changes.Entries {
		done[entry.Subject] = entry.Action.String()
	}
	return done
}
