// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Generated code is checked in two depths. `make verify` generates it again and
// compares; that needs the tools. This test needs nothing: hack/codegen/update.sh
// writes down what it generated from, and a source that changed since is found.
func TestNothingGeneratedIsStale(t *testing.T) {
	t.Parallel()
	top := root(t)
	sums, err := os.ReadFile(filepath.Join(top, "hack", "codegen", "inputs.sum"))
	require.NoError(t, err)
	recorded := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, "inputs.sum: cannot read %q", line)
		recorded[name] = sum
	}
	sources, err := filepath.Glob(filepath.Join(top, "pkg", "apis", "aof", "v1", "*.go"))
	require.NoError(t, err)
	checked := 0
	for _, source := range sources {
		base := filepath.Base(source)
		if strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "zz_generated") {
			continue
		}
		src, err := os.ReadFile(source)
		require.NoError(t, err)
		name, err := filepath.Rel(top, source)
		require.NoError(t, err)
		sum := sha256.Sum256(src)
		assert.Equal(t, recorded[filepath.ToSlash(name)], hex.EncodeToString(sum[:]), "%s changed since code was generated from it: run `make generate`", name)
		checked++
	}
	assert.Len(t, recorded, checked, "inputs.sum names a source that is gone: run `make generate`")
}
