// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/shell"
)

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("y\n", len(p)/2+1)), nil }

func TestRunawayScriptsEnd(t *testing.T) {
	t.Parallel()
	const soon = 300 * time.Millisecond
	tests := map[string]struct {
		source string
		stdin  io.Reader
		policy *shell.Policy
		want   []shell.Reason
	}{
		"busy loop":            {source: `while true; do :; done`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy for":             {source: `for ((;;)); do :; done`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy test":            {source: `while [[ 1 ]]; do [[ 1 ]]; done`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy until":           {source: `until false; do x=1; done`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy in substitution": {source: `x=$(while :; do :; done)`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy in a pipeline":   {source: `while :; do :; done | cat`, want: []shell.Reason{shell.ReasonTimeout}},
		"busy in background":   {source: `while :; do :; done & wait`, want: []shell.Reason{shell.ReasonTimeout}},
		"nobody writes":        {source: `{ while :; do :; done; } | read x`, want: []shell.Reason{shell.ReasonTimeout}},
		"nobody reads":         {source: `while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done | while :; do :; done`, want: []shell.Reason{shell.ReasonTimeout}},
		"tools nobody reads":   {source: `cat | while :; do :; done`, stdin: endless{}, want: []shell.Reason{shell.ReasonTimeout}},
		"jq without end":       {source: `jq -n 'def f: f; f'`, want: []shell.Reason{shell.ReasonTimeout}},
		"jq with much output":  {source: `jq -n 'repeat(1)'`, want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"fork bomb":            {source: `f(){ f|f& };f; wait; while :; do :; done`, want: []shell.Reason{shell.ReasonLimit, shell.ReasonTimeout}},
		"fork bomb waiting":    {source: `f(){ f|f; };f`, want: []shell.Reason{shell.ReasonLimit, shell.ReasonTimeout}},
		"many jobs":            {source: `while :; do : & done`, want: []shell.Reason{shell.ReasonLimit}},
		"recursion":            {source: `f(){ f; };f`, want: []shell.Reason{shell.ReasonLimit}},
		"nested recursion":     {source: `f(){ x=$(f); };f`, want: []shell.Reason{shell.ReasonLimit}},
		"recursion in a test":  {source: `f(){ while [[ $(f) ]]; do :; done; };f`, want: []shell.Reason{shell.ReasonLimit}},
		"endless output":       {source: `while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done`, want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"endless stdin":        {source: `cat`, stdin: endless{}, want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"endless substitution": {source: `x=$(cat)`, stdin: endless{}, want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"endless line":         {source: `tr -d '\n' | read x`, stdin: endless{}, want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"doubling":             {source: `x=aa; while true; do x=$x$x; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling in a test":   {source: `x=aa; while [[ 1 ]]; do x=$x$x; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by append":   {source: `x=aa; while [[ 1 ]]; do x+=$x; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by replace":  {source: `x=aa; while [[ 1 ]]; do x=${x//a/aa}; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by export":   {source: `x=aa; while [[ 1 ]]; do export x="$x$x"; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by default":  {source: `x=aa; while [[ 1 ]]; do x=${nope:-$x$x}; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by params":   {source: `set -- a; while [[ 1 ]]; do set -- "$@" "$@"; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling indirectly":  {source: `x=aa; n=x; while [[ 1 ]]; do x=${!n}${!n}; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling an array":    {source: `a=(x); while [[ 1 ]]; do a+=("${a[@]}"); done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by case":     {source: `x=aa; while [[ 1 ]]; do case a in a) x=$x$x;; esac; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling after &&":    {source: `x=aa; while [[ 1 ]]; do [[ 1 ]] && x=$x$x; done`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by function": {source: `x=aa; f() { x=$x$x; f; }; f`, want: []shell.Reason{shell.ReasonLimit}},
		"doubling by output":   {source: `x=aa; while :; do x=$(echo $x$x); done`, want: []shell.Reason{shell.ReasonLimit}},
		"many variables":       {source: `x=a; for i in {1..18}; do x=$x$x; done; i=0; while [[ 1 ]]; do i=$((i+1)); declare "v$i=$x"; done`, want: []shell.Reason{shell.ReasonLimit}},
		"padding":              {source: `printf '%999999999s' x`, want: []shell.Reason{shell.ReasonLimit}},
		"hidden eval":          {source: `c=eval; $c 'while :; do :; done'`, want: []shell.Reason{shell.ReasonDenied}},
		"builtin eval":         {source: `command builtin eval 'echo hi'`, want: []shell.Reason{shell.ReasonDenied}},
		"a trap that loops":    {source: `trap 'while :; do :; done' EXIT`, want: []shell.Reason{shell.ReasonDenied}},
		"trap after trap":      {source: `f() { while :; do :; done; }; trap f EXIT`, want: []shell.Reason{shell.ReasonTimeout}},
		"program":              {source: `sleep 1000`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout}},
		"stubborn program":     {source: `sh -c 'trap "" INT TERM; while :; do :; done'`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout}},
		"program's children":   {source: `sh -c 'sleep 1000 & sleep 1000'`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout}},
		"device":               {source: `while :; do x=$(</dev/zero); done`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout}},
		"program's output":     {source: `x=$(yes)`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
		"program's stream":     {source: `yes | /bin/cat`, policy: new(programs()), want: []shell.Reason{shell.ReasonTimeout, shell.ReasonLimit}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := shell.TransformPolicy()
			if tc.policy != nil {
				policy = *tc.policy
			}
			script := shell.Script{Source: tc.source, Stdin: tc.stdin, Timeout: soon}
			if len(tc.want) == 1 && tc.want[0] == shell.ReasonLimit {
				script.Timeout = 0 // the limit is to be what ends it
			}
			res, err := newRunner(policy).Run(t.Context(), script)
			require.Error(t, err)
			assert.Contains(t, tc.want, shell.ReasonOf(err), "%v", err)
			assert.LessOrEqual(t, len(err.Error()), 600)
			assert.LessOrEqual(t, len(res.Stdout), 1<<20)
		})
	}
}

// What a script left in the background ends with it.
func TestAForkBombInTheBackgroundEndsWithTheScript(t *testing.T) {
	t.Parallel()
	res, err := transform().Run(t.Context(), shell.Script{Source: `f(){ f|f& };f`})
	assert.Empty(t, res.Stdout)
	if err != nil {
		assert.Equal(t, shell.ReasonLimit, shell.ReasonOf(err))
	}
}

func TestOutputIsCut(t *testing.T) {
	t.Parallel()
	res, err := transform().Run(t.Context(), shell.Script{Source: `for i in {1..100}; do echo 0123456789; done; echo e >&2`, MaxOutput: 100})
	require.NoError(t, err)
	assert.Len(t, res.Stdout, 100)
	assert.True(t, res.Truncated)
	assert.Equal(t, "e\n", res.Stderr)
}

func TestACanceledRunSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := transform().Run(ctx, shell.Script{Source: `while :; do :; done`})
	assert.Equal(t, shell.ReasonCanceled, shell.ReasonOf(err))
}

// Sources that nest as deep as their length allows must neither end the
// process nor take long.
func TestDeeplyNestedSourcesEnd(t *testing.T) {
	t.Parallel()
	for name, part := range map[string][2]string{
		"subshells":     {"( ", " )"},
		"blocks":        {"{ ", " ; }"},
		"substitutions": {"echo $(", ")"},
		"arithmetic":    {"(", ")"},
		"ifs":           {"if ", ""},
		"nots":          {"! ", ""},
		"defaults":      {"${a:-", "}"},
		"quotes":        {`"$(echo `, `)"`},
		"functions":     {"f() ", ""},
		"times":         {"time ", ""},
		"ands":          {"true && ", ""},
		"pipes":         {"true | ", ""},
		"tests":         {"! ", ""},
		"backticks":     {"`", "`"},
		"extglobs":      {"@(a|", ")"},
		"braces":        {"{a,", "}"},
		"cases":         {"case a in a) ", ";; esac"},
		"minuses":       {"-", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := (64 << 10) / (len(part[0]) + len(part[1]) + 1)
			source := strings.Repeat(part[0], n) + "true" + strings.Repeat(part[1], n)
			switch name {
			case "arithmetic", "minuses":
				source = "echo $((" + strings.ReplaceAll(source, "true", "1") + "))"
			case "tests":
				source = "[[ " + source + " ]]"
			case "defaults", "extglobs", "braces":
				source = "echo " + source
			}
			_, err := transform().Run(t.Context(), shell.Script{Source: source, Timeout: 10 * time.Second})
			if err != nil {
				assert.NotEmpty(t, shell.ReasonOf(err))
			}
		})
	}
}

func FuzzRun(f *testing.F) {
	for _, s := range []string{
		``, `echo hi`, `x=$(echo a | tr a b); export X="$x"`, `while :; do :; done`, `f(){ f|f& };f`, `x=a; while :; do x=$x$x; done`,
		`echo "$X" | jq '.items[] | {name: .name}'`, "cat <<EOF\n$V\nEOF", `a=(1 2); echo ${a[@]:1} ${!a[@]}`, `case $V in *) echo x;; esac`,
		`trap 'echo bye' EXIT; set -e; false`, `printf '%5s' "$V"; echo $((1/0))`, `echo {1..3}{a,b} ~ *`, `read -r a b <<< "$V"; [[ $a == ${b%x} ]]`,
	} {
		f.Add(s, "value 'with' \"quotes\" $(id)")
	}
	limits := shell.Limits{Timeout: 200 * time.Millisecond, Text: 1 << 20, Variables: 1 << 20, Statement: 1 << 18, Source: 4 << 10}
	f.Fuzz(func(t *testing.T, source, value string) {
		run := newRunner(shell.Policy{Limits: limits})
		res, err := run.Run(t.Context(), shell.Script{Source: source, Vars: map[string]string{"V": value}, MaxOutput: 1000})
		if err != nil && shell.ReasonOf(err) == "" {
			t.Errorf("error without a reason: %v", err)
		}
		if len(res.Stdout) > 1000 || len(res.Stderr) > 1000 {
			t.Error("more output than allowed")
		}
	})
}
