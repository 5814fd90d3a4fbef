// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"aof.dev/operator/pkg/shell"
)

// defaultScriptTime is for scripts that do not say how long.
const defaultScriptTime = 60 * time.Second

// The statuses that shells give for what never ran to its end.
const (
	statusTimeout  = 124
	statusDenied   = 126
	statusNotFound = 127
)

// commandRunner is what executors need of a *shell.Runner to run scripts and
// programs.
type commandRunner interface {
	scriptRunner
	Exec(ctx context.Context, argv []string, opts shell.Script) (shell.Result, error)
	Policy() shell.Policy
}

// scriptExecutor runs a command or a tool.
type scriptExecutor struct {
	runner commandRunner
	web    *web
}

// scriptJob is one attempt of a Script node.
type scriptJob struct {
	settings
	runner  commandRunner
	web     *web
	env     map[string]string
	dir     string
	reads   bool // what it does changes nothing
	timeout time.Duration
}

// Execute runs the script, the program or the tool. With fail_on_error false a
// failure is an output with success false.
func (e *scriptExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	outer := s
	if inner, ok := s.values["script_config"].(map[string]any); ok {
		s.values = inner
	}
	strict, err := s.bool(true, "fail_on_error")
	if err != nil {
		return Result{}, err
	}
	res, err := e.run(ctx, req, s, outer)
	if err == nil {
		res.Output, err = s.interpret(res.Output, strict)
	}
	var failure *Error
	if strict || ctx.Err() != nil || !errors.As(err, &failure) {
		return res, err
	}
	return Result{Output: failedOutput(failure)}, nil
}

// run does the work. Its output is that of a program that ended, with whatever
// status.
func (e *scriptExecutor) run(ctx context.Context, req Request, s, outer settings) (Result, error) {
	limit, err := outer.timeout(policyTimeout(req.Node, defaultScriptTime))
	if err != nil {
		return Result{}, err
	}
	job := &scriptJob{settings: s, runner: e.runner, web: e.web}
	if job.timeout, err = s.timeout(limit); err != nil {
		return Result{}, err
	}
	if tool, err := s.word("tool"); err != nil || tool != "" {
		if err != nil {
			return Result{}, err
		}
		if err := job.prepare(req); err != nil {
			return Result{}, err
		}
		output, err := job.tool(ctx, strings.ToLower(tool))
		return Result{Output: output}, err
	}
	source, _ := s.values["command"].(string)
	if args, ok := s.values["args"]; ok && args != nil {
		if err := job.prepare(req); err != nil {
			return Result{}, err
		}
		argv, err := s.argv(source, args)
		if err != nil {
			return Result{}, err
		}
		res, err := job.exec(ctx, argv)
		return Result{Output: commandOutput(res)}, err
	}
	return job.script(ctx, req, source)
}

// prepare renders where and with what environment programs run.
func (j *scriptJob) prepare(req Request) (err error) {
	if j.env, err = j.environment(req.Env); err != nil {
		return err
	}
	j.dir, err = j.string("working_dir")
	return err
}

// script runs the command as a shell script.
func (j *scriptJob) script(ctx context.Context, req Request, source string) (Result, error) {
	script, err := bindScript(ctx, j.settings, req, source)
	if err != nil {
		return Result{}, err
	}
	script.Timeout = j.timeout
	if err := j.permit(scriptAction(script)); err != nil {
		return Result{}, err
	}
	res, err := j.runner.Run(ctx, script)
	if err != nil {
		return Result{}, shellError(ctx, err)
	}
	if res.ExitCode == statusNotFound && len(res.Unavailable) > 0 {
		return Result{}, fail(ReasonCommandNotFound, "%s: not found or not allowed", strings.Join(res.Unavailable, ", "))
	}
	return Result{Output: commandOutput(res), Exports: exported(res.Exports, script.Env)}, nil
}

// commandOutput is the output of what ran to its end.
func commandOutput(res shell.Result) map[string]any {
	out := map[string]any{
		"exit_code": res.ExitCode,
		"stdout":    res.Stdout,
		"stderr":    res.Stderr,
		"output":    strings.TrimRight(res.Stdout, "\r\n"),
		"success":   res.ExitCode == 0,
	}
	if res.Truncated {
		out["truncated"] = true
	}
	return out
}

// toolOutput is the output of a tool: what it says stands under output, and its
// fields beside the usual ones where they do not clash.
func toolOutput(value any) map[string]any {
	out := map[string]any{}
	if fields, ok := value.(map[string]any); ok && len(fields) <= 16 && fields["body"] == nil {
		maps.Copy(out, fields) // but for the answer to a request, which may be large as it is
	}
	if _, ok := out["stderr"]; !ok {
		out["stderr"] = ""
	}
	out["exit_code"], out["stdout"], out["success"], out["output"] = 0, "", true, value
	return out
}

// failedOutput is the output of what failed and may.
func failedOutput(e *Error) map[string]any {
	code := 1
	switch e.Reason {
	case string(shell.ReasonTimeout):
		code = statusTimeout
	case string(shell.ReasonDenied):
		code = statusDenied
	case ReasonCommandNotFound:
		code = statusNotFound
	}
	return map[string]any{
		"exit_code": code, "stdout": "", "stderr": e.Message, "output": "", "success": false,
		"error": map[string]any{"reason": e.Reason, "message": e.Message},
	}
}

// interpret reads the output as the node says, and decides whether the node
// failed.
func (s settings) interpret(output any, strict bool) (any, error) {
	fields, ok := output.(map[string]any)
	if !ok {
		return output, nil
	}
	if code, ok := fields["exit_code"].(int); ok && code != 0 && strict {
		stderr, _ := fields["stderr"].(string)
		return nil, fail(ReasonScript, "ended with status %d%s", code, remark(stderr)).retryable(true)
	}
	text, isText := fields["output"].(string)
	if !isText {
		return fields, nil
	}
	parsed, err := s.parse(text)
	if err != nil {
		if strict {
			return nil, err
		}
		fields["success"], fields["error"] = false, map[string]any{"reason": ReasonParse, "message": err.Error()}
		return fields, nil // the node may fail: the output says how
	}
	fields["output"] = parsed
	return fields, nil
}
