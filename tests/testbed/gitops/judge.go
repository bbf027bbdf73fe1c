package main

import (
	"context"
	"slices"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type judgeRequest struct {
	// Health are Argo CD's health checks, by kind.
	Health map[string]string `json:"health"`
	// HealthCheckExprs are those of a Kustomization of Flux.
	HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
	Objects          []unstructured.Unstructured   `json:"objects"`
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type judgement struct {
	// Argo is the health in Argo CD.
	Argo verdict `json:"argo"`
	// Kstatus is the status by the rules for all objects.
	Kstatus verdict `json:"kstatus"`
	// Flux is the status in Flux with the expressions of the request.
	Flux verdict `json:"flux"`
}

func judge(ctx context.Context, request judgeRequest) ([]judgement, error) {
	judgements := []judgement{}
	for _, object := range request.Objects {
		plain, err := status.Compute(&object)
		if err != nil {
			return nil, err
		}
		kstatus := verdict{plain.Status.String(), plain.Message}
		flux, err := byExpressions(ctx, request.HealthCheckExprs, &object)
		if err != nil {
			return nil, err
		}
		if flux == nil {
			flux = &kstatus
		}
		judgements = append(judgements, judgement{byScript(ctx, request.Health[object.GetKind()], &object), kstatus, *flux})
	}
	return judgements, nil
}

// byScript is the health of an object as Argo CD finds it (pkg/health of its gitops-engine, util/lua/lua.go).
func byScript(ctx context.Context, script string, object *unstructured.Unstructured) verdict {
	if object.GetDeletionTimestamp() != nil {
		return verdict{"Progressing", "Pending deletion"}
	}
	if script == "" {
		return verdict{"", "no health check"}
	}
	found, err := run(ctx, script, object.Object)
	if err != nil {
		return verdict{"Unknown", err.Error()}
	}
	if found.Type() == lua.LTNil {
		return verdict{"", "the health check says nothing"}
	}
	var said verdict
	if err := table(found, &said); err != nil {
		return verdict{"Unknown", err.Error()}
	}
	known := []string{"Healthy", "Progressing", "Suspended", "Degraded", "Missing", "Unknown"}
	if !slices.Contains(known, said.Status) {
		return verdict{"Unknown", "Lua returned an invalid health status"}
	}
	return said
}

// byExpressions is the status of an object as Flux finds it where expressions are given for its kind; nil where none
// are. An expression that cannot be evaluated leaves the status unknown, and Flux goes on waiting.
func byExpressions(
	ctx context.Context, checks []kustomize.CustomHealthCheck, object *unstructured.Unstructured,
) (*verdict, error) {
	for _, check := range checks {
		if check.APIVersion != object.GetAPIVersion() || check.Kind != object.GetKind() {
			continue
		}
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return nil, err
		}
		found, err := evaluator.Evaluate(ctx, object)
		if err != nil {
			return &verdict{"Unknown", err.Error()}, nil
		}
		return &verdict{found.Status.String(), found.Message}, nil
	}
	return nil, nil
}
