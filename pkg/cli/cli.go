// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// The exit codes every command keeps to, so that scripts can tell what happened.
const (
	ExitOK       = 0 // what was asked for was done, and it succeeded
	ExitFailed   = 1 // it was done, and the outcome is a failure (an invalid object, a failed run)
	ExitBadInput = 2 // it could not be begun: usage, unreadable file, unknown name
	ExitWaiting  = 3 // the run has not ended: it waits for a human or a timer
)

// Env is everything a command takes from the process around it. Tests give
// their own; main gives the real one.
type Env struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Getenv func(string) string
	Clock  clock.WithTicker
	// Terminal says whether Out is one, so that progress may be drawn.
	Terminal bool
	// Width of the terminal in columns; 0 means unknown.
	Width int
	// Program is the name the process was started by: as kubectl-aof it works on
	// clusters.
	Program string
	// Server is where an aof dev is looked for when nothing says where to work;
	// empty means http://127.0.0.1:8080.
	Server string
}

// completer begins the name by which kubectl asks a plugin for completions.
const completer = "kubectl_complete-"

// plugin says whether kubectl started us.
func (e *Env) plugin() bool {
	return strings.HasPrefix(e.Program, "kubectl-") || strings.HasPrefix(e.Program, completer)
}

// ExitError carries the exit code a command ends with. Err may be nil when all
// there is to say has been printed already.
type ExitError struct {
	Code int
	Err  error
}

// Error is the text of the wrapped error, or the bare code.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the wrapped error.
func (e *ExitError) Unwrap() error { return e.Err }

// badInput wraps an error that kept a command from beginning.
func badInput(format string, args ...any) error {
	return &ExitError{Code: ExitBadInput, Err: fmt.Errorf(format, args...)}
}

// Main runs the command line args (without the program's name) and gives the
// process's exit code. Errors are printed to env.Err as one line.
func Main(ctx context.Context, env *Env, args []string) int {
	turns := *env
	// Runs tell of their progress and their audit while a command prints.
	turns.Out, turns.Err = &turnTaker{w: env.Out}, &turnTaker{w: env.Err}
	env = &turns
	root := newRootCommand(env)
	if strings.HasPrefix(env.Program, completer) {
		args = append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	var exit *ExitError
	if !errors.As(err, &exit) {
		exit = &ExitError{Code: ExitBadInput, Err: err}
	}
	if exit.Err != nil {
		fmt.Fprintf(env.Err, "aof: %s\n", printable(exit.Err.Error(), true))
	}
	return exit.Code
}

// turnTaker has those who write at the same time write one after the other.
type turnTaker struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (t *turnTaker) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

func newRootCommand(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "aof",
		Short: "Run and look after AOF flows, on your machine and on Knative",
		Long: `aof turns events into durable runs of agent flows.

It works on files alone (validate, import, explain -f, run), serves them on this
machine (dev), and looks after what runs there or on a cluster (all other verbs).
Installed as kubectl-aof on the PATH it is also "kubectl aof".
` + targetHelp + `

Exit codes: 0 done, and a run that was waited for succeeded; 1 done, but it failed,
was refused or is not there; 2 could not be begun: bad usage, an unreadable file,
nobody answers; 3 the run waits.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	if env.plugin() {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl aof"}
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands(env)...)
	return root
}
