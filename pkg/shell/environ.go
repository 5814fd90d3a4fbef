// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"maps"
	"os"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// environ is what a script starts with.
type environ map[string]expand.Variable

// newEnviron binds the environments, the later over the earlier, and then the
// plain variables. Names that no shell could hold are left out.
func newEnviron(base, env, vars map[string]string) environ {
	out := environ{}
	set := func(name, value string, exported bool) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return
		}
		out[name] = expand.Variable{Set: true, Exported: exported, Kind: expand.String, Str: clean(value)}
	}
	set("HOME", "/", true) // or else the interpreter takes this process's
	for name, value := range base {
		set(name, value, true)
	}
	for name, value := range env {
		set(name, value, true)
	}
	for name, value := range vars {
		set(name, value, out[name].Exported)
	}
	return out
}

// hideTemp keeps the interpreter from a temporary directory. It opens files
// there whose names look like its own without asking the open handler.
func (e environ) hideTemp() {
	e["TMPDIR"] = expand.Variable{Set: true, Kind: expand.String, Str: os.DevNull}
}

// Get implements expand.Environ.
func (e environ) Get(name string) expand.Variable { return e[name] }

// Each implements expand.Environ.
func (e environ) Each(fn func(name string, vr expand.Variable) bool) {
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if !fn(name, e[name]) {
			return
		}
	}
}

// exports are the exported strings that the script set or named in an export
// statement. What it only inherited is not among them.
func (e environ) exports(vars map[string]expand.Variable, named map[string]bool) map[string]string {
	out := map[string]string{}
	for name, v := range vars {
		if !v.Exported || !v.IsSet() || v.Kind != expand.String {
			continue
		}
		if was, ok := e[name]; ok && was.Exported && was.Str == v.Str && !named[name] {
			continue
		}
		out[name] = v.Str
	}
	return out
}

// maxInherited bounds one variable that a program inherits, in bytes. The
// kernel starts no program at all when one is longer than 128 KiB.
const maxInherited = 120 << 10

// exported lists the variables that programs inherit, as name=value. Those too
// long for a program stay with the script.
func exported(env expand.Environ) []string {
	vars := map[string]string{}
	for name, v := range env.Each {
		if v.Exported && v.IsSet() && v.Kind == expand.String && len(name)+len(v.Str) <= maxInherited {
			vars[name] = v.Str
		} else {
			delete(vars, name)
		}
	}
	out := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, name+"="+vars[name])
	}
	return out
}
