// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/manifest"
)

// TestNothingIsLostSilently adds a key nobody knows to one mapping of an input
// after the other. Each time it must be in what is written, or in a note.
func TestNothingIsLostSilently(t *testing.T) {
	t.Parallel()
	for file, data := range corpus(t) {
		docs, problems := manifest.Parse(file, data)
		if len(problems) > 0 {
			continue // that archive is about documents that cannot be read
		}
		for d := range docs {
			for at := range mappings(docs[d].Root) {
				name := fmt.Sprintf("%s document %d mapping %d", file, d, at)
				fresh, _ := manifest.Parse(file, data)
				target := mappings(fresh[d].Root)[at]
				key := fmt.Sprintf("zz_marker_%d", at)
				target.Content = append(target.Content, text(key, 900), text("zz-value", 900))
				path := pathOf(fresh[d].Root, key)
				in := newIntake()
				in.read(fresh)
				in.convert()
				result := Result{Objects: in.finish(), Notes: in.notes}
				require.True(t, mentions(result, key, path), "%s: %s is neither written nor noted\n%s", name, path, notesText(result.Notes, ""))
			}
		}
	}
}

func pathOf(root *yaml.Node, key string) string {
	found := ""
	walkPaths(root, "", func(n *yaml.Node, path string) {
		if n.Value == key {
			found = path
		}
	})
	return found
}

// mentions tells whether a key was carried, or whether it, or what it stood in,
// was named as not carried over.
func mentions(result Result, key, path string) bool {
	if strings.Contains(string(result.YAML()), key) {
		return true
	}
	for _, n := range result.Notes {
		switch {
		case n.Level == Skipped, n.Level == Refused, strings.Contains(n.Field, key):
			return true
		case n.Level == Dropped && n.Field != "" && (strings.HasPrefix(path, n.Field+".") || strings.HasPrefix(path, n.Field+"[")):
			return true
		}
	}
	return false
}

func mappings(node *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	walkPaths(node, "", func(n *yaml.Node, _ string) {
		if isMapping(n) {
			all = append(all, n)
		}
	})
	return all
}

// corpus gives the inputs of the archives.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(tb, err)
	inputs := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(tb, err)
		name := ""
		for line := range strings.Lines(string(data)) {
			if inner, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(inner, " --") {
				name = filepath.Base(path) + "/" + strings.TrimSuffix(inner, " --")
				continue
			}
			if name != "" && !strings.HasSuffix(name, "/want.yaml") && !strings.HasSuffix(name, "/notes") {
				inputs[name] = append(inputs[name], line...)
			}
		}
	}
	require.NotEmpty(tb, inputs)
	return inputs
}

// TestRandomDamage takes values out of the inputs' documents and puts others in
// their place: imports of it may refuse, but what they write stays valid.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	values := []func(line int) *yaml.Node{
		func(line int) *yaml.Node { return text("some text", line) },
		func(line int) *yaml.Node { return text("dir/file.yaml", line) },
		func(line int) *yaml.Node { return integer(7, line) },
		func(line int) *yaml.Node { return boolean(true, line) },
		func(line int) *yaml.Node { return mapping(line) },
		func(line int) *yaml.Node { return mapping(line, pair{"name", text("x", line)}) },
		func(line int) *yaml.Node { return list(line) },
		func(line int) *yaml.Node { return list(line, text("x", line), mapping(line)) },
		func(line int) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: line} },
	}
	for file, data := range corpus(t) {
		for range 20 {
			docs, _ := manifest.Parse(file, data)
			for _, doc := range docs {
				all := mappings(doc.Root)
				if len(all) == 0 {
					continue
				}
				target := all[random.IntN(len(all))]
				if len(target.Content) == 0 {
					continue
				}
				at := random.IntN(len(target.Content)/2)*2 + 1
				target.Content[at] = values[random.IntN(len(values))](target.Content[at].Line)
			}
			in := newIntake()
			in.read(docs)
			in.convert()
			requireLoadable(t, Result{Objects: in.finish()})
		}
	}
}

// requireLoadable is the cheap part of requireValid, for many inputs.
func requireLoadable(tb testing.TB, result Result) {
	tb.Helper()
	docs, problems := manifest.Parse("out.yaml", result.YAML())
	require.Empty(tb, problems, string(result.YAML()))
	var objects []*manifest.Object
	for _, doc := range docs {
		found, wrong := manifest.Decode(doc)
		require.Empty(tb, wrong, string(result.YAML()))
		objects = append(objects, found...)
	}
	require.Len(tb, objects, len(result.Objects), string(result.YAML()))
	require.Empty(tb, manifest.Errors(manifest.Validate(objects)), string(result.YAML()))
}
