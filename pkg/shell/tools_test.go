// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/shell"
)

func TestToolsDoWhatTheirNamesakesDo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source, stdin, stdout string
		code                  int
	}{
		"sed replaces":              {`sed 's/a/b/'`, "aa\nc\n", "ba\nc\n", 0},
		"sed everywhere":            {`sed s/a/b/g`, "aa", "bb\n", 0},
		"sed the second":            {`sed s/a/b/2`, "aaa", "aba\n", 0},
		"sed from the second":       {`sed s/a/b/2g`, "aaa", "abb\n", 0},
		"sed another delimiter":     {`sed 's|/a/|\|x|'`, "/a/", "|x\n", 0},
		"sed escaped delimiter":     {`sed 's/\/a/\/b/'`, "/a", "/b\n", 0},
		"sed groups":                {`sed 's/\(a*\)-\(b*\)/\2 & \1/'`, "aa-b", "b aa-b aa\n", 0},
		"sed extended":              {`sed -E 's/([0-9]+)/<\1>/'`, "pod 42", "pod <42>\n", 0},
		"sed a plain ampersand":     {`sed 's/a/\&/'`, "a", "&\n", 0},
		"sed whatever the case":     {`sed s/POD/x/I`, "pod", "x\n", 0},
		"sed a line":                {`sed -n 2p`, "a\nb\nc\n", "b\n", 0},
		"sed a range":               {`sed -n '2,3p'`, "a\nb\nc\nd\n", "b\nc\n", 0},
		"sed a range that ends":     {`sed '2,$d'`, "a\nb\nc\n", "a\n", 0},
		"sed a range of patterns":   {`sed -n '/b/,/c/p'`, "a\nb\nx\nc\nd\n", "b\nx\nc\n", 0},
		"sed a range turned around": {`sed -n '3,1p'`, "a\nb\nc\nd\n", "c\n", 0},
		"sed the last":              {`sed -n '$p'`, "a\nb\n", "b\n", 0},
		"sed deletes":               {`sed /b/d`, "a\nb\nc\n", "a\nc\n", 0},
		"sed all others":            {`sed '/b/!d'`, "a\nb\nc\n", "b\n", 0},
		"sed quits":                 {`sed 2q`, "a\nb\nc\n", "a\nb\n", 0},
		"sed several commands":      {`sed -e 's/a/b/' -e 's/b/c/;s/$/!/'`, "a\n", "c!\n", 0},
		"sed prints what it did":    {`sed -n 's/a/b/p'`, "a\nx\n", "b\n", 0},
		"sed trims":                 {`sed 's/^[ \t]*//; s/[ \t]*$//'`, " \ta b \n", "a b\n", 0},
		"sed of nothing":            {`sed s/a/b/`, "", "", 0},
		"sed not closed":            {`sed s/a/b`, "a\n", "", 2},
		"sed unknown command":       {`sed 'w /tmp/x'`, "a\n", "", 2},
		"sed can't write":           {`sed 's/a/b/w x'`, "a\n", "", 2},
		"sed in place":              {`sed -i s/a/b/ x`, "a\n", "", 2},
		"sed no pattern":            {`sed s//b/`, "a\n", "", 2},
		"seq":                       {`seq 3; seq 2 3; seq 5 -2 1`, "", "1\n2\n3\n2\n3\n5\n3\n1\n", 0},
		"seq backwards is nothing":  {`seq 3 1`, "", "", 0},
		"seq without end":           {`seq 1 0 2`, "", "", 2},
		"seq too long":              {`seq 2000000000`, "", "", 2},
		"sleep":                     {`sleep 0.001 && sleep 0 && echo ok`, "", "ok\n", 0},
		"sleep for what":            {`sleep a`, "", "", 2},
		"basename":                  {`basename /a/b.yaml .yaml; basename /; basename a`, "", "b\n/\na\n", 0},
		"dirname":                   {`dirname /a/b; dirname /a; dirname a; dirname /; dirname a/b//`, "", "/a\n/\n.\n/\na\n", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := transform().Run(t.Context(), shell.Script{Source: tc.source, Stdin: strings.NewReader(tc.stdin)})
			require.NoError(t, err)
			assert.Equal(t, tc.stdout, res.Stdout, "stderr: %s", res.Stderr)
			assert.Equal(t, tc.code, res.ExitCode, "stderr: %s", res.Stderr)
		})
	}
}

func TestSleepEndsWithTheScript(t *testing.T) {
	t.Parallel()
	_, err := transform().Run(t.Context(), shell.Script{Source: `sleep 1000h`, Timeout: 1})
	assert.Equal(t, shell.ReasonTimeout, shell.ReasonOf(err), "%v", err)
}

// What sed is told to do may come from a value; it can only change text.
func FuzzSed(f *testing.F) {
	for _, seed := range []string{"s/a/b/g", "1,/x/!d;$p", `s,\(a\)*,\1&\9,2gpI`, "#x\n2q", "/a", "0p", "s", "s/\\"} {
		f.Add(seed, "a\nb\nax\n")
	}
	f.Fuzz(func(t *testing.T, script, text string) {
		res, err := transform().Run(t.Context(), shell.Script{
			Source: `printf '%s' "$TEXT" | sed -- "$SCRIPT"; printf '%s' "$TEXT" | sed -n -E -e "$SCRIPT"`,
			Vars:   map[string]string{"SCRIPT": script, "TEXT": text},
		})
		if err != nil && shell.ReasonOf(err) != shell.ReasonLimit {
			t.Fatalf("%q: %v", script, err)
		}
		if res.ExitCode > 2 {
			t.Fatalf("%q: status %d", script, res.ExitCode)
		}
	})
}
