// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const (
	validAgent   = "apiVersion: aof.dev/v1\nkind: Agent\nmetadata:\n  name: a\nspec:\n  model: mock:echo\n  instructions: Echo.\n"
	lonelyBound  = "apiVersion: aof.dev/v1\nkind: FlowBinding\nmetadata:\n  name: b\n  namespace: ops\nspec:\n  trigger: {name: t}\n  context: {name: c}\n  flow: {name: f}\n"
	misspelt     = "apiVersion: aof.dev/v1\nkind: Context\nmetadata:\n  name: c\nspec:\n  namespce: x\n"
	notOurs      = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
	upstreamForm = "apiVersion: aof.dev/v1\nkind: Binding\nmetadata:\n  name: old\nspec:\n  trigger: {ref: triggers/t.yaml}\n  flow: {ref: flows/f.yaml}\n"
)

// writeManifests writes name/content pairs into a directory.
func writeManifests(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, pairs[i]), []byte(pairs[i+1]), 0o600))
	}
	return dir
}

// runFileCommand runs one command and gives its exit code and what it printed.
func runFileCommand(t *testing.T, stdin string, make func(*Env) *cobra.Command, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := make(&Env{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.Code
		if exit.Err != nil {
			stderr.WriteString(exit.Err.Error())
		}
	case err != nil:
		code = ExitBadInput
		stderr.WriteString(err.Error())
	}
	return code, stdout.String(), stderr.String()
}

func TestValidateCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files []string
		code  int
		want  string
	}{
		"all valid, warnings do not fail": {
			files: []string{"a.yaml", validAgent, "b.yaml", lonelyBound},
			want: `ok   Agent/a               DIR/a.yaml:1
ok   FlowBinding/b -n ops  DIR/b.yaml:1

DIR/b.yaml:7: warning: FlowBinding/b: spec.trigger: Trigger "t" is not among these files
DIR/b.yaml:8: warning: FlowBinding/b: spec.context: Context "c" is not among these files
DIR/b.yaml:9: warning: FlowBinding/b: spec.flow: AgentFlow "f" is not among these files

2 objects: 2 valid, 0 invalid, 3 warnings
`,
		},
		"an invalid one and one that is not ours": {
			files: []string{"a.yaml", validAgent + "---\n" + misspelt, "s.yaml", notOurs},
			code:  ExitFailed,
			want: `ok   Agent/a    DIR/a.yaml:1
FAIL Context/c  DIR/a.yaml:9

DIR/a.yaml:14: Context/c: spec.namespce: unknown field "namespce" (did you mean "namespace"?); looks like upstream form: run ` + "`aof import -f DIR/a.yaml`" + `
DIR/s.yaml:1: skipped: Secret/s: kind "Secret" of "v1" is not an AOF object

2 objects: 1 valid, 1 invalid, 1 document skipped
`,
		},
		"upstream's form": {
			files: []string{"old.yaml", upstreamForm},
			code:  ExitFailed,
			want: `FAIL Binding/old  DIR/old.yaml:1

DIR/old.yaml:1: Binding/old: looks like upstream form (kind Binding): run ` + "`aof import -f DIR/old.yaml`" + `

1 object: 0 valid, 1 invalid
`,
		},
		"nothing of ours": {
			files: []string{"s.yaml", notOurs},
			code:  ExitBadInput,
			want:  "DIR/s.yaml:1: skipped: Secret/s: kind \"Secret\" of \"v1\" is not an AOF object\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeManifests(t, tt.files...)
			code, out, _ := runFileCommand(t, "", newValidateCommand, "-f", dir)
			assert.Equal(t, tt.want, strings.ReplaceAll(out, dir, "DIR"))
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestValidateReadsStandardInputAndReportsForMachines(t *testing.T) {
	t.Parallel()
	for format, read := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(data []byte, into any) error { return yaml.Unmarshal(data, into) },
	} {
		code, out, _ := runFileCommand(t, validAgent+"---\n"+misspelt, newValidateCommand, "-f", "-", "-o", format)
		assert.Equal(t, ExitFailed, code)
		var report struct {
			Objects  []checkedObject
			Problems []struct {
				File, Field, Level string
				Line               int
			}
			Invalid int
		}
		require.NoError(t, read([]byte(out), &report))
		assert.Equal(t, []checkedObject{
			{Kind: "Agent", Name: "a", File: "<stdin>", Line: 1, Valid: true},
			{Kind: "Context", Name: "c", File: "<stdin>", Line: 9},
		}, report.Objects)
		require.Len(t, report.Problems, 1)
		assert.Equal(t, "spec.namespce", report.Problems[0].Field)
		assert.Equal(t, "error", report.Problems[0].Level)
		assert.Equal(t, 14, report.Problems[0].Line)
		assert.Equal(t, 1, report.Invalid)
	}
}

func TestValidateBadInput(t *testing.T) {
	t.Parallel()
	dir := writeManifests(t, "a.yaml", validAgent)
	for name, args := range map[string][]string{
		"no files":       {},
		"missing file":   {"-f", filepath.Join(dir, "none.yaml")},
		"unknown format": {"-f", dir, "-o", "xml"},
		"unknown flag":   {"--nope"},
	} {
		code, _, errs := runFileCommand(t, "", newValidateCommand, args...)
		assert.Equal(t, ExitBadInput, code, name)
		assert.NotEmpty(t, errs, name)
	}
	// What can be read is still reported.
	code, out, _ := runFileCommand(t, "", newValidateCommand, "-f", filepath.Join(dir, "none.yaml"), dir)
	assert.Equal(t, ExitBadInput, code)
	assert.Contains(t, out, "ok   Agent/a")
	assert.Contains(t, out, "none.yaml: no such file or directory")
}
