// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/manifest"
)

// FuzzImport holds for any bytes: no panic, bounded notes, and what is written
// is valid.
func FuzzImport(f *testing.F) {
	for _, data := range corpus(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		docs, _ := manifest.Parse("in.yaml", data)
		in := newIntake()
		in.read(docs)
		in.convert()
		result := Result{Objects: in.finish(), Notes: in.notes}
		for _, n := range result.Notes {
			require.LessOrEqual(t, len(n.String()), 1500)
		}
		requireLoadable(t, result)
	})
}
