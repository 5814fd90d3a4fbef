// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"io"

	"mvdan.cc/sh/v3/interp"
)

// Exec runs one command without any shell: argv[0] is a program the policy
// allows, or one of the in-process tools. Source is not looked at; Vars and Env
// together say what the program inherits on top of the policy's environment.
// Like with Run, a status other than zero is a Result. An *Error with
// ReasonDenied or ReasonCommandNotFound says that there was nothing to run.
func (r *Runner) Exec(ctx context.Context, argv []string, opts Script) (Result, error) {
	if len(argv) == 0 || argv[0] == "" {
		return Result{}, newError(ReasonSyntax, nil, "exec: no command given")
	}
	args := make([]string, len(argv))
	size := 0
	for i, arg := range argv {
		args[i] = clean(arg)
		size += len(arg)
	}
	if size > r.policy.Limits.Statement {
		return Result{}, newError(ReasonLimit, nil, "exec: arguments are %d bytes long, %d are allowed", size, r.policy.Limits.Statement)
	}
	run := r.newRun(opts.MaxOutput)
	ctx, stop := run.begin(ctx, opts.Timeout)
	defer stop()
	env := newEnviron(r.policy.Env, opts.Env, opts.Vars)
	for name, v := range env {
		v.Exported = true
		env[name] = v
	}
	dir := r.dir(opts.Dir)

	err := run.execute(ctx, args, process{
		args: args, env: exported(env), dir: dir, stdin: opts.Stdin, stdout: run.stdout, stderr: run.stderr,
	}, env)
	run.ended(ctx)
	res := run.result()
	if failure := run.failure(); failure != nil {
		return res, failure
	}
	var status interp.ExitStatus
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &status):
		res.ExitCode = int(status)
	case errors.As(err, &e):
		return res, e
	default:
		return res, newError(ReasonInternal, err, "exec: %v", err)
	}
	return res, nil
}

// execute takes a tool or a program, by the same rule as scripts do.
func (r *run) execute(ctx context.Context, args []string, p process, env environ) error {
	tool, ours := tools[args[0]]
	if !ours || (!alwaysOurs[args[0]] && r.policy.allows(args[0])) {
		path, err := r.look(p.dir, env, args[0])
		if err == nil {
			p.path = path
			return r.start(ctx, p)
		}
		if !ours {
			r.miss(args[0])
			return err
		}
	}
	if p.stdin != nil { // what never gives anything must not hold us when time is up
		pr, pw := io.Pipe()
		stop := context.AfterFunc(ctx, func() { _ = pr.CloseWithError(ctx.Err()) })
		defer stop()
		defer func() { _ = pr.Close() }()
		source := p.stdin
		go func() {
			_, err := io.Copy(pw, source)
			_ = pw.CloseWithError(err)
		}()
		p.stdin = pr
	}
	return status(r.tool(ctx, tool, args, toolIO{
		stdin: p.stdin, stdout: p.stdout, stderr: p.stderr, dir: p.dir, env: p.env,
	}))
}
