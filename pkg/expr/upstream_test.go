// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"

	"aof.dev/operator/pkg/expr"
)

// TestUpstreamTextsParse reads every text of the upstream project's own resources the way a flow
// would: as a template, and by its key as a condition or a script.
func TestUpstreamTextsParse(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..", "shared", "upstream")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the upstream material is not here: " + root)
	}
	count := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for decoder := yaml.NewDecoder(file); ; {
			var document any
			if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			count += checkTexts(t, path, "", document)
		}
	}))
	assert.Greater(t, count, 100)
}

// checkTexts parses all texts below a value and returns how many there were.
func checkTexts(t *testing.T, path, key string, v any) int {
	t.Helper()
	count := 0
	switch v := v.(type) {
	case map[string]any:
		for k, value := range v {
			count += checkTexts(t, path, k, value)
		}
	case []any:
		for _, value := range v {
			count += checkTexts(t, path, key, value)
		}
	case string:
		count++
		_, err := expr.ParseTemplate(v)
		assert.NoError(t, err, "%s: %s", path, key)
		if key == "when" || key == "condition" {
			_, err := expr.ParseCondition(v)
			assert.NoError(t, err, "%s: %s", path, key)
		}
		if key == "script" || key == "command" {
			script, err := expr.ParseShell(v)
			require.NoError(t, err, "%s: %s", path, key)
			bound, _, err := script.Bind(nil)
			require.NoError(t, err)
			_, err = syntax.NewParser().Parse(strings.NewReader(bound), path)
			assert.NoError(t, err, "%s: %s: %s", path, key, bound)
			assert.NotContains(t, bound, "${event.", "%s: %s", path, key)
		}
	}
	return count
}
