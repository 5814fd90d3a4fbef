// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// load writes files into a directory, loads and validates it, and gives the
// objects' names and the problems with the directory's name taken off.
func load(t *testing.T, files map[string]string) (names []string, problems string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	objects, found := Load([]string{dir}, Options{})
	for _, o := range objects {
		names = append(names, o.Kind+"/"+o.Name)
	}
	found = Sort(append(found, Validate(objects)...))
	return names, strings.ReplaceAll(text(found), dir+string(filepath.Separator), "")
}

const agent = "apiVersion: aof.dev/v1\nkind: Agent\nmetadata:\n  name: a\nspec:\n  model: mock:echo\n  instructions: Echo.\n"

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		names []string
		want  string
	}{
		"one object": {
			files: map[string]string{"a.yaml": agent},
			names: []string{"Agent/a"},
		},
		"directories in order, other files and hidden ones left out": {
			files: map[string]string{
				"b/x.yml": strings.ReplaceAll(agent, "name: a", "name: b"), "a.yaml": agent, "readme.md": "apiVersion: [", ".git/x.yaml": "[", ".x.yaml": "[",
				"c.json": `{"apiVersion":"aof.dev/v1","kind":"Context","metadata":{"name":"c"}}`,
			},
			names: []string{"Agent/a", "Agent/b", "Context/c"},
		},
		"a list and a typed list": {
			files: map[string]string{
				"l.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: aof.dev/v1\n  kind: Context\n  metadata: {name: one}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n",
				"t.yaml": "apiVersion: aof.dev/v1\nkind: ContextList\nmetadata: {}\nitems:\n- metadata: {name: two}\n  spec: {}\n",
			},
			names: []string{"Context/one", "Context/two"},
			want:  `l.yaml:7: skipped: Secret/s: kind "Secret" of "v1" is not an AOF object`,
		},
		"what is not ours is skipped": {
			files: map[string]string{"d.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\nfoo: bar\n---\n- 1\n---\napiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\n"},
			want: `d.yaml:1: skipped: Deployment/d: kind "Deployment" of "apps/v1" is not an AOF object
d.yaml:5: skipped: no apiVersion and kind: not an AOF object
d.yaml:7: skipped: not an object with fields
d.yaml:9: skipped: Trigger/t: kind "Trigger" of "eventing.knative.dev/v1" is not an AOF object`,
		},
		"apiVersion and kind that nearly are ours": {
			files: map[string]string{"x.yaml": "apiVersion: aof.dev/v1\nkind: Agnt\nmetadata: {name: a}\n---\napiVersion: aof.dev/v9\nkind: Wombat\n---\napiVersion: aof.dev/v1\nmetadata: {name: b}\n---\nkind: Agent\nmetadata: {name: c}\n"},
			want: `x.yaml:1: Agent/a: unknown kind "Agnt": want Context, Trigger, FlowBinding, Agent, AgentFleet or AgentFlow
x.yaml:5: Wombat: unknown apiVersion "aof.dev/v9": want aof.dev/v1
x.yaml:8: /b: kind is missing
x.yaml:11: Agent/c: apiVersion is missing: want aof.dev/v1`,
		},
		"names": {
			files: map[string]string{"x.yaml": "apiVersion: aof.dev/v1\nkind: Context\nmetadata: {}\n---\napiVersion: aof.dev/v1\nkind: Context\nmetadata:\n  namespace: x.y\n  name: Not Good\n"},
		},
		"defined twice": {
			files: map[string]string{"a.yaml": agent, "b.yaml": "---\n" + agent + "---\n" + strings.ReplaceAll(agent, "name: a", "name: a\n  namespace: other")},
			names: []string{"Agent/a", "Agent/a"},
			want:  "b.yaml:5: Agent/a: metadata.name: already defined at a.yaml:1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, problems := load(t, tt.files)
			assert.Equal(t, tt.names, names)
			if name == "names" {
				assert.Contains(t, problems, "x.yaml:3: Context: metadata.name: missing: every object needs a name")
				assert.Contains(t, problems, "x.yaml:8: Context/Not Good: metadata.namespace: ")
				assert.Contains(t, problems, "x.yaml:9: Context/Not Good: metadata.name: ")
				return
			}
			if name == "apiVersion and kind that nearly are ours" {
				tt.want = strings.ReplaceAll(strings.ReplaceAll(tt.want, "Agent/a: unknown", "Agnt/a: unknown"), "/b: ", "")
				problems = strings.ReplaceAll(problems, "/b: ", "")
			}
			assert.Equal(t, tt.want, problems)
		})
	}
}
