// Judges objects as Argo CD and Flux do, and applies and removes them as Flux does: by the interpreter that Argo CD runs
// health checks in, and by Flux' own modules.
//
// The first argument says what to do; a request comes as JSON on standard input, the answer goes as JSON to standard
// output. Whatever fails ends the program with exit code 1 and a message.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	verbs := map[string]func(context.Context, *json.Decoder) (any, error){
		"judge":              answer(judge),
		"actions":            answer(actions),
		"flux-apply":         answer(fluxApply),
		"flux-kustomization": answer(kustomization),
		"flux-prune":         answer(fluxPrune),
	}
	if len(os.Args) != 2 || verbs[os.Args[1]] == nil {
		fail(fmt.Errorf("found the arguments %q, expected one of judge, actions, flux-apply, flux-kustomization, flux-prune", os.Args[1:]))
	}
	requests := json.NewDecoder(os.Stdin)
	requests.DisallowUnknownFields()
	said, err := verbs[os.Args[1]](context.Background(), requests)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fail(err)
	}
}

// answer makes a verb of a function from a request to an answer.
func answer[Request, Answer any](do func(context.Context, Request) (Answer, error)) func(context.Context, *json.Decoder) (any, error) {
	return func(ctx context.Context, requests *json.Decoder) (any, error) {
		var request Request
		if err := requests.Decode(&request); err != nil {
			return nil, fmt.Errorf("the request: %w", err)
		}
		return do(ctx, request)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
