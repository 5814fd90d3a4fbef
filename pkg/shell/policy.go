// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
	"time"
)

// Policy is what scripts of one Runner may touch. The zero value allows
// nothing but builtins and the in-process text tools.
type Policy struct {
	// AllowExec lets scripts start programs.
	AllowExec bool
	// Commands, when not nil, lists the programs that may be started, by the
	// name a script calls them with; a name with a slash must be listed as it
	// is written. Nil allows any. An interpreter on the list (sh, env, xargs)
	// lets everything through: it is not looked into.
	Commands []string
	// AllowRead lets scripts read files and directories by redirection,
	// globbing, tests and the in-process tools. Programs are not held by it.
	AllowRead bool
	// AllowWrite lets scripts create and write files by redirection. Programs
	// are not held by it.
	AllowWrite bool
	// Env is the environment every script starts with. PATH comes from here:
	// without one, only programs named with a slash are found. Nothing of this
	// process's own environment is added.
	Env map[string]string
	// Dir is the working directory of scripts that name none.
	Dir string
	// Limits bound each run; zero fields take the defaults.
	Limits Limits
}

// Limits bound one run of a script.
type Limits struct {
	Timeout   time.Duration // of a script that names none; default 60 s
	Output    int           // bytes kept of stdout and of stderr, each; default 1 MiB
	Source    int           // bytes of script text; default 64 KiB
	Statement int           // bytes one statement may expand to; default 4 MiB
	Variables int           // bytes all variables together may hold; default 16 MiB
	Text      int64         // bytes of text handled by the whole run; default 256 MiB
	Depth     int           // function calls within each other; default 500
	Jobs      int           // background jobs in all; pipelines at one time, too; default 128
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Timeout, 60*time.Second)
	setDefault(&l.Output, 1<<20)
	setDefault(&l.Source, 64<<10)
	setDefault(&l.Statement, 4<<20)
	setDefault(&l.Variables, 16<<20)
	setDefault(&l.Text, 256<<20)
	setDefault(&l.Depth, 500)
	setDefault(&l.Jobs, 128)
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// allows says whether the program called name may be started.
func (p *Policy) allows(name string) bool {
	return p.AllowExec && (p.Commands == nil || slices.Contains(p.Commands, name))
}

// TransformPolicy is the policy of Transform nodes: no programs, no files.
func TransformPolicy() Policy { return Policy{} }

// ScriptPolicy is the policy of Script nodes: programs (commands nil allows
// any) and files, on top of the given environment, of which PATH and HOME
// matter most.
func ScriptPolicy(env map[string]string, commands []string) Policy {
	return Policy{AllowExec: true, Commands: commands, AllowRead: true, AllowWrite: true, Env: env}
}

// clean removes what no environment can hold. A shell drops NUL bytes too.
func clean(value string) string {
	return strings.ReplaceAll(value, "\x00", "")
}
