// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/manifest"
)

var update = flag.Bool("update", false, "write the wanted results into testdata")

// archive is a txtar file: a comment, then files.
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(t *testing.T, path string) archive {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	a := archive{files: map[string]string{}}
	name := ""
	for line := range strings.Lines(string(data)) {
		if inner, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(inner, " --") {
			name = strings.TrimSuffix(inner, " --")
			a.names = append(a.names, name)
			a.files[name] = ""
			continue
		}
		if name == "" {
			a.comment += line
		} else {
			a.files[name] += line
		}
	}
	return a
}

func (a archive) write(t *testing.T, path string) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString(a.comment)
	for _, name := range a.names {
		out.WriteString("-- " + name + " --\n" + a.files[name])
	}
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
}

// unpack writes the inputs of an archive into a directory of their own.
func (a archive) unpack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range a.files {
		if name == "want.yaml" || name == "notes" {
			continue
		}
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

func notesText(notes []Note, dir string) string {
	var lines strings.Builder
	for _, n := range notes {
		lines.WriteString(n.String() + "\n")
	}
	return strings.ReplaceAll(lines.String(), dir+string(filepath.Separator), "")
}

func TestImport(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a := readArchive(t, path)
			dir := a.unpack(t)
			result, err := Import([]string{dir}, manifest.Options{})
			require.NoError(t, err)
			notes := notesText(result.Notes, dir)
			if *update {
				a.files["want.yaml"], a.files["notes"] = string(result.YAML()), notes
				a.write(t, path)
				return
			}
			assert.Equal(t, a.files["want.yaml"], string(result.YAML()))
			assert.Equal(t, a.files["notes"], notes)
			requireValid(t, result)
		})
	}
}

// requireValid holds what the package promises: what it writes is valid and
// passes a second import unchanged.
func requireValid(t *testing.T, result Result) {
	t.Helper()
	if len(result.Objects) == 0 {
		return
	}
	path := filepath.Join(t.TempDir(), "out.yaml")
	require.NoError(t, os.WriteFile(path, result.YAML(), 0o600))
	objects, problems := manifest.Load([]string{path}, manifest.Options{})
	problems = append(problems, manifest.Validate(objects)...)
	require.Empty(t, manifest.Errors(problems))
	require.Len(t, objects, len(result.Objects))

	again, err := Import([]string{path}, manifest.Options{})
	require.NoError(t, err)
	assert.Empty(t, again.Notes)
	assert.Equal(t, string(result.YAML()), string(again.YAML()))
}

// TestReferencesToFilesThatAreNotInputs follows a path to a file beside the
// inputs, from the file's own directory and from those above it.
func TestReferencesToFilesThatAreNotInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	binding := write("bindings/prod/b.yaml", "apiVersion: aof.dev/v1\nkind: Binding\nmetadata: {name: b}\nspec:\n"+
		"  trigger: {ref: triggers/t.yaml}\n  flow: {ref: ./f.yaml}\n  context: {ref: ../c.yaml}\n")
	write("triggers/t.yaml", "---\napiVersion: aof.dev/v1\nkind: Context\nmetadata: {name: not-this}\n---\napiVersion: aof.dev/v1\nkind: Trigger\nmetadata: {name: The Trigger, namespace: shared}\nspec: {type: slack}\n")
	write("bindings/prod/f.yaml", "apiVersion: aof.dev/v1\nkind: Flow\nmetadata: {name: the-flow}\nspec: {nodes: []}\n")
	write("bindings/c.yaml", "name: the-context\nkubeconfig: /x\n")

	result, err := Import([]string{binding}, manifest.Options{})
	require.NoError(t, err)
	assert.Empty(t, notesText(result.Notes, dir))
	require.Len(t, result.Objects, 1)
	assert.Contains(t, string(result.Objects[0].YAML), "trigger:\n    name: the-trigger\n    namespace: shared\n")
	assert.Contains(t, string(result.Objects[0].YAML), "flow:\n    name: the-flow\n")
	assert.Contains(t, string(result.Objects[0].YAML), "context:\n    name: the-context\n")
}

// TestWhatIsWrittenReadsTheSameEverywhere quotes text that YAML 1.1, which
// kubectl reads, takes for something else.
func TestWhatIsWrittenReadsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	in := "apiVersion: aof.dev/v1\nkind: Context\nmetadata: {name: c}\nspec:\n  env:\n    A: yes\n    B: 10:30\n    C: 2025-01-02\n    D: 0755\n    E: plain\n    F: \"true\"\n"
	file := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte(in), 0o600))
	result, err := Import([]string{file}, manifest.Options{})
	require.NoError(t, err)
	require.Len(t, result.Objects, 1)
	assert.Contains(t, string(result.Objects[0].YAML), "    A: \"yes\"\n    B: \"10:30\"\n    C: \"2025-01-02\"\n    D: \"0755\"\n    E: plain\n    F: \"true\"\n")
}

func TestUnreadableInputIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Import([]string{filepath.Join(t.TempDir(), "none.yaml")}, manifest.Options{})
	require.ErrorContains(t, err, "none.yaml: no such file or directory")
}
