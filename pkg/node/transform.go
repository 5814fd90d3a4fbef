// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"maps"
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/shell"
)

// scriptRunner is what executors need of a *shell.Runner to run scripts.
type scriptRunner interface {
	Run(ctx context.Context, s shell.Script) (shell.Result, error)
}

// transformExecutor runs the script of a Transform for the variables that it
// exports.
type transformExecutor struct {
	runner scriptRunner
}

// Execute runs the script. Commands that a Transform can't have are named in the
// output as ignored; the status of the last command means nothing, that of exit
// and set -e does.
func (e *transformExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	source, _ := s.values["script"].(string)
	script, err := bindScript(ctx, s, req, source)
	if err != nil {
		return Result{}, err
	}
	if script.Timeout, err = s.timeout(policyTimeout(req.Node, 0)); err != nil {
		return Result{}, err
	}
	res, err := e.runner.Run(ctx, script)
	if err != nil {
		return Result{}, shellError(ctx, err)
	}
	if res.ExitCode != 0 && res.Exited && len(res.Unavailable) == 0 {
		return Result{}, fail(ReasonScript, "the script ended with status %d%s", res.ExitCode, remark(res.Stderr))
	}
	exports := exported(res.Exports, script.Env)
	output := make(map[string]any, len(exports)+2)
	for name, value := range exports {
		output[name] = value
	}
	output["script_executed"] = true
	if len(res.Unavailable) > 0 {
		ignored := make([]any, len(res.Unavailable))
		for i, name := range res.Unavailable {
			ignored[i] = name
		}
		output["ignored"] = ignored
	}
	return Result{Output: output, Exports: exports}, nil
}

// bindScript gives a script its values as variables and its environment.
func bindScript(ctx context.Context, s settings, req Request, source string) (shell.Script, error) {
	if ctx.Err() != nil {
		return shell.Script{}, ctx.Err()
	}
	if strings.TrimSpace(source) == "" {
		return shell.Script{}, fail(ReasonInvalidConfig, "there is no script to run")
	}
	parsed, err := expr.ParseShell(source)
	if err != nil {
		return shell.Script{}, templateError(err)
	}
	script, vars, err := parsed.Bind(req.Scope)
	if err != nil {
		return shell.Script{}, templateError(err)
	}
	env, err := s.environment(req.Env)
	if err != nil {
		return shell.Script{}, err
	}
	dir, err := s.string("working_dir")
	if err != nil {
		return shell.Script{}, err
	}
	return shell.Script{Source: script, Vars: vars, Env: env, Dir: dir}, nil
}

// environment is the given one with the node's own on top.
func (s settings) environment(given map[string]string) (map[string]string, error) {
	own, err := s.texts("env")
	if err != nil {
		return nil, err
	}
	env := make(map[string]string, len(given)+len(own))
	maps.Copy(env, given)
	maps.Copy(env, own)
	return env, nil
}

// exported leaves out what a script was given and did not change.
func exported(all, given map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range all {
		if was, known := given[name]; (!known || was != value) && !strings.HasPrefix(name, "AOF_REF_") {
			out[name] = value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// remark is the end of what a program complained about, for an error.
func remark(stderr string) string {
	stderr = strings.TrimSpace(stderr)
	const most = 400
	if len(stderr) > most {
		stderr = "…" + strings.ToValidUTF8(stderr[len(stderr)-most:], "")
	}
	if stderr == "" {
		return ""
	}
	return ": " + stderr
}
