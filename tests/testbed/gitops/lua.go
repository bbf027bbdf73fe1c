package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// How long Argo CD lets a script run.
const scriptTime = time.Second

// run runs a script as Argo CD runs those in its ConfigMap (util/lua/lua.go of Argo CD): with the object as the global
// obj, and of Lua's libraries with the base, package and table alone, beside time and date of os.
func run(ctx context.Context, script string, object map[string]any) (lua.LValue, error) {
	// All numbers are one kind to Lua, and so to its decoder.
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, openTimes},
	}
	for _, library := range libraries {
		open := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(open, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luajson.DecodeValue(state, plain))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	return state.Get(-1), nil
}

// openTimes gives the two functions of os that scripts may call, os.time without an argument.
func openTimes(state *lua.LState) int {
	state.RegisterModule(lua.OsLibName, map[string]lua.LGFunction{
		"time": func(state *lua.LState) int {
			state.Push(lua.LNumber(time.Now().Unix()))
			return 1
		},
		"date": func(state *lua.LState) int {
			if format := state.OptString(1, ""); format != "!%Y-%m-%dT%H:%M:%SZ" {
				state.RaiseError("os.date(%q) is not known here", format)
			}
			state.Push(lua.LString(time.Now().UTC().Format(time.RFC3339)))
			return 1
		},
	})
	return 1
}

// table turns what a script returned into a value, if it is a table.
func table(value lua.LValue, into any) error {
	if value.Type() != lua.LTTable {
		return fmt.Errorf("expected a table from the script, not %s", value.Type())
	}
	text, err := luajson.Encode(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

type actionsRequest struct {
	// Discovery is the script that says which actions there are for an object.
	Discovery string `json:"discovery"`
	// Definitions are the scripts of actions, by name.
	Definitions map[string]string `json:"definitions"`
	Object      map[string]any    `json:"object"`
}

type actionAnswer struct {
	Disabled bool `json:"disabled"`
	// Object is the object as the action wants it.
	Object map[string]any `json:"object"`
}

// actions runs every action that is found for an object.
func actions(ctx context.Context, request actionsRequest) (map[string]actionAnswer, error) {
	found, err := run(ctx, request.Discovery, request.Object)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	answers := map[string]actionAnswer{}
	if err := table(found, &answers); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	for name, action := range answers {
		changed, err := run(ctx, request.Definitions[name], request.Object)
		if err == nil {
			err = table(changed, &action.Object)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		answers[name] = action
	}
	return answers, nil
}
