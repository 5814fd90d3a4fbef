// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The document the product was ordered from is a promise: everything in its
// schemas stands in ours. This test walks its CRDs property by property.
func TestSeedCRDsStandInOurs(t *testing.T) {
	t.Parallel()
	seeds := documents(t, filepath.Join("testdata", "seed-crds.yaml"))
	require.Len(t, seeds, 6)
	for _, seed := range seeds {
		kind := pick(seed, "spec", "names", "kind").(string)
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ours := ourCRD(t, kind)
			assert.Equal(t, pick(seed, "metadata", "name"), pick(ours, "metadata", "name"))
			for _, same := range [][]string{
				{"spec", "group"},
				{"spec", "scope"},
				{"spec", "names", "plural"},
				{"spec", "names", "singular"},
				{"spec", "names", "kind"},
				{"spec", "names", "shortNames"},
			} {
				assert.Equal(t, pick(seed, same...), pick(ours, same...), "%v", same)
			}
			theirVersion, ourVersion := onlyVersion(t, seed), onlyVersion(t, ours)
			for _, same := range []string{"name", "served", "storage"} {
				assert.Equal(t, theirVersion[same], ourVersion[same], same)
			}
			assert.Equal(t, theirVersion["subresources"], ourVersion["subresources"])
			columns := theirVersion["additionalPrinterColumns"].([]any)
			ourColumns := ourVersion["additionalPrinterColumns"].([]any)
			require.GreaterOrEqual(t, len(ourColumns), len(columns))
			assert.Equal(t, columns, ourColumns[:len(columns)], "the printer columns come first, in their order")
			schema := []string{"schema", "openAPIV3Schema"}
			stands(t, "", pick(theirVersion, schema...).(map[string]any), pick(ourVersion, schema...).(map[string]any))
		})
	}
}

// stands holds one schema of the seed's against ours.
func stands(t *testing.T, path string, seed, ours map[string]any) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(seed)) {
		want, at := seed[key], path+"."+key
		switch key {
		case "properties":
			ourProperties, _ := ours["properties"].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(want.(map[string]any))) {
				property, ok := ourProperties[name].(map[string]any)
				if assert.True(t, ok, "%s.%s is missing", path, name) {
					stands(t, path+"."+name, want.(map[string]any)[name].(map[string]any), property)
				}
			}
		case "items", "additionalProperties":
			inner, ok := ours[key].(map[string]any)
			if assert.True(t, ok, "%s is missing", at) {
				stands(t, at, want.(map[string]any), inner)
			}
		case "enum":
			values := want.([]any)
			ourValues, _ := ours["enum"].([]any)
			if assert.GreaterOrEqual(t, len(ourValues), len(values), at) {
				assert.Equal(t, values, ourValues[:len(values)], "%s: the seed's values come first", at)
			}
		case "required":
			assert.ElementsMatch(t, want, ours["required"], at)
		case "description":
			description, _ := ours["description"].(string)
			assert.True(t, strings.HasPrefix(description, want.(string)), "%s: %q does not begin with %q", at, description, want)
		default: // type, format, default, minimum, maximum, x-kubernetes-…
			assert.Equal(t, want, ours[key], at)
		}
	}
	for _, key := range []string{"required", "minimum", "maximum", "pattern", "minLength", "maxLength", "maxItems", "minItems", "enum"} {
		if _, ok := seed[key]; !ok {
			assert.NotContains(t, ours, key, "%s: ours must not refuse what the seed allows", path)
		}
	}
}

func TestEveryKindIsInTheCategory(t *testing.T) {
	t.Parallel()
	shortNames := map[string]string{}
	for _, kind := range kinds() {
		crd := ourCRD(t, kind)
		assert.Equal(t, []any{"aof"}, pick(crd, "spec", "names", "categories"), kind)
		names, _ := pick(crd, "spec", "names", "shortNames").([]any)
		for _, name := range names {
			assert.Empty(t, shortNames[name.(string)], "short name %s is used twice", name)
			shortNames[name.(string)] = kind
		}
	}
	assert.Equal(t, "FlowRun", shortNames["run"])
	assert.Equal(t, "FlowRun", shortNames["runs"], "what people type")
}

func kinds() []string {
	return []string{"Context", "Trigger", "FlowBinding", "Agent", "AgentFleet", "AgentFlow", "FlowRun"}
}

// ourCRD reads the CRD of the installation.
func ourCRD(t *testing.T, kind string) map[string]any {
	t.Helper()
	docs := documents(t, filepath.Join("..", "..", "..", "..", "config", "core", "300-"+strings.ToLower(kind)+".yaml"))
	require.Len(t, docs, 1)
	return docs[0]
}

// documents reads a YAML file of several documents.
func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []map[string]any
	for _, doc := range strings.Split("\n"+string(data), "\n---") {
		parsed := map[string]any{}
		require.NoError(t, yaml.Unmarshal([]byte(doc), &parsed), file)
		if len(parsed) > 0 {
			out = append(out, parsed)
		}
	}
	return out
}

func onlyVersion(t *testing.T, crd map[string]any) map[string]any {
	t.Helper()
	versions := pick(crd, "spec", "versions").([]any)
	require.Len(t, versions, 1)
	return versions[0].(map[string]any)
}

func pick(v any, keys ...string) any {
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}
