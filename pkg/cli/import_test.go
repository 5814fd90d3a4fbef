// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImportCommandPrints(t *testing.T) {
	t.Parallel()
	dir := writeManifests(t, "old.yaml", upstreamForm)
	code, out, errs := runFileCommand(t, "", newImportCommand, "-f", dir)
	assert.Equal(t, ExitOK, code)
	assert.Equal(t, `---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata:
  name: old
spec:
  trigger:
    name: t
  context:
    name: default
  flow:
    name: f
---
apiVersion: aof.dev/v1
kind: Context
metadata:
  name: default
spec: {}
`, out)
	assert.Equal(t, `DIR/old.yaml:1: Binding/old: changed: a Context named default is written with it: a binding has to name one, and upstream's does not
DIR/old.yaml:6: Binding/old: spec.trigger.ref: changed: triggers/t.yaml was not found: Trigger t is taken from the file's name
DIR/old.yaml:7: Binding/old: spec.flow.ref: changed: flows/f.yaml was not found: AgentFlow f is taken from the file's name
2 objects imported, 3 changed
`, strings.ReplaceAll(errs, dir, "DIR"))

	// What was printed is valid.
	code, _, _ = runFileCommand(t, out, newValidateCommand, "-f", "-")
	assert.Equal(t, ExitOK, code)
}

func TestImportCommandWritesFiles(t *testing.T) {
	t.Parallel()
	dir := writeManifests(t, "a.yaml", validAgent, "b.yaml", strings.ReplaceAll(validAgent, "name: a", "name: a\n  namespace: other"),
		"w.yaml", "apiVersion: aof.dev/v1\nkind: Workflow\nmetadata: {name: w}\n")
	to := filepath.Join(t.TempDir(), "new", "out")

	code, out, errs := runFileCommand(t, "", newImportCommand, "-f", dir, "-o", to)
	assert.Equal(t, ExitFailed, code, "one was refused")
	assert.Contains(t, errs, "w.yaml:2: Workflow/w: kind: refused: kind Workflow is upstream's step workflow")
	assert.Equal(t, "written    OUT/agent-a.yaml\nwritten    OUT/agent-a.other.yaml\n", strings.ReplaceAll(out, to, "OUT"))
	data, err := os.ReadFile(filepath.Join(to, "agent-a.yaml"))
	require.NoError(t, err)
	assert.Equal(t, validAgent, string(data))

	// A second time nothing changes; a file with other content is kept.
	require.NoError(t, os.WriteFile(filepath.Join(to, "agent-a.yaml"), []byte("mine"), 0o600))
	code, out, errs = runFileCommand(t, "", newImportCommand, "-f", filepath.Join(dir, "a.yaml"), "-f", filepath.Join(dir, "b.yaml"), "-o", to)
	assert.Equal(t, ExitFailed, code)
	assert.Equal(t, "failed     OUT/agent-a.yaml\nunchanged  OUT/agent-a.other.yaml\n", strings.ReplaceAll(out, to, "OUT"))
	assert.Contains(t, errs, "--force replaces it")

	code, out, _ = runFileCommand(t, "", newImportCommand, "-f", filepath.Join(dir, "a.yaml"), "-o", to, "--force")
	assert.Equal(t, ExitOK, code)
	assert.Equal(t, "replaced   OUT/agent-a.yaml\n", strings.ReplaceAll(out, to, "OUT"))
}

func TestImportBadInput(t *testing.T) {
	t.Parallel()
	dir := writeManifests(t, "s.yaml", notOurs)
	for name, args := range map[string][]string{
		"no files":           {},
		"missing file":       {"-f", filepath.Join(dir, "none.yaml")},
		"nothing to import":  {"-f", dir},
		"a file for the dir": {"-f", dir, "-o", filepath.Join(dir, "s.yaml"), "--nope"},
	} {
		code, _, errs := runFileCommand(t, "", newImportCommand, args...)
		assert.Equal(t, ExitBadInput, code, name)
		assert.NotEmpty(t, errs, name)
	}
}
