// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"k8s.io/utils/clock"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Script is one script to run.
type Script struct {
	// Source is the text. It must not hold anything that came from outside.
	Source string
	// Vars are bound as plain shell variables: the script can refer to them,
	// the programs it starts do not inherit them. NUL bytes are dropped.
	Vars map[string]string
	// Env is bound as exported variables on top of the policy's.
	Env map[string]string
	// Dir is the working directory; empty means the policy's.
	Dir string
	// Stdin may be nil: reading then finds the end at once.
	Stdin io.Reader
	// Timeout of this run; zero means the policy's.
	Timeout time.Duration
	// MaxOutput is the number of bytes kept of stdout and of stderr, each;
	// zero means the policy's.
	MaxOutput int
}

// Result is what a script left behind.
type Result struct {
	Stdout, Stderr string
	// ExitCode is the status of the last command, or that of exit.
	ExitCode int
	// Exited says that the script ended itself, by exit or set -e.
	Exited bool
	// Exports are the variables the script exported, by name.
	Exports map[string]string
	// Truncated says that stdout or stderr went beyond MaxOutput and was cut.
	Truncated bool
	// Unavailable names the commands the script called and could not have:
	// not found, or not allowed. Sorted, each once, at most 16.
	Unavailable []string
}

// Runner runs scripts under one policy. It is safe for concurrent use.
type Runner struct {
	policy Policy
	clock  clock.PassiveClock
}

// New makes a Runner. The clock is what the in-process date tells.
func New(policy Policy, c clock.PassiveClock) *Runner {
	policy.Limits = policy.Limits.withDefaults()
	return &Runner{policy: policy, clock: c}
}

// Policy gives the runner's policy with its limits filled in.
func (r *Runner) Policy() Policy { return r.policy }

// Run runs a script to its end. A script that ends with a status other than
// zero is a Result; an *Error says that it could not be run or was stopped, and
// then the Result holds what it had written until then.
func (r *Runner) Run(ctx context.Context, s Script) (Result, error) {
	prog, err := r.parse(s.Source)
	if err != nil {
		return Result{}, err
	}
	run := r.newRun(s.MaxOutput)
	run.prog = prog
	ctx, stop := run.begin(ctx, s.Timeout)
	defer stop()

	env := newEnviron(r.policy.Env, s.Env, s.Vars)
	if !r.policy.AllowRead || !r.policy.AllowWrite {
		env.hideTemp()
	}
	sh, err := interp.New(
		interp.Env(env),
		interp.Dir(r.dir(s.Dir)),
		interp.StdIO(s.Stdin, run.stdout, run.stderr),
		interp.CallHandler(run.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return run.exec }),
		interp.OpenHandler(run.open),
		interp.ReadDirHandler2(run.readDir),
		interp.StatHandler(run.stat),
		interp.AccessHandler(run.access),
	)
	if err != nil {
		return Result{}, newError(ReasonInternal, err, "script: %v", err)
	}
	err = run.interpret(ctx, sh)
	stop() // ends what the script left in the background

	res := run.result()
	var status interp.ExitStatus
	switch {
	case run.failure() != nil:
		return res, run.failure()
	case err == nil:
	case errors.As(err, &status):
		res.ExitCode = int(status)
	default:
		var e *Error
		if errors.As(err, &e) {
			return res, e
		}
		return res, newError(ReasonInternal, err, "script: %v", err)
	}
	res.Exited = sh.Exited()
	res.Exports = env.exports(sh.Vars, prog.exported)
	return res, nil
}

func (r *Runner) dir(dir string) string {
	switch {
	case dir != "":
		return dir
	case r.policy.Dir != "":
		return r.policy.Dir
	case !r.policy.AllowRead:
		return "/" // a script without files has no use for where we stand
	default:
		return ""
	}
}

// parse checks a script and prepares it for running.
func (r *Runner) parse(source string) (*program, error) {
	if len(source) > r.policy.Limits.Source {
		return nil, newError(ReasonLimit, nil, "script is %d bytes long, %d are allowed", len(source), r.policy.Limits.Source)
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(source), "script")
	if err != nil {
		return nil, newError(ReasonSyntax, err, "script does not parse: %v", err)
	}
	return instrument(file)
}

// Check says whether a script would parse and holds nothing that is refused,
// without running it.
func (r *Runner) Check(source string) error {
	_, err := r.parse(source)
	return err
}
