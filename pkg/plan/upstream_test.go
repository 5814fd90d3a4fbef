// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/importer"
	"aof.dev/operator/pkg/manifest"
	"aof.dev/operator/pkg/plan"
)

// TestUpstreamBindings compiles the compositions of the project that AOF's kinds
// come from, as the importer gives them.
func TestUpstreamBindings(t *testing.T) {
	t.Parallel()
	const dir = "../../../shared/upstream/seed-era"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the upstream material is not beside this repository")
	}
	result, err := importer.Import([]string{dir}, manifest.Options{})
	require.NoError(t, err)
	w := worldOf(t, string(result.YAML()))
	compiled := 0
	for _, o := range w {
		b, ok := o.(*aofv1.FlowBinding)
		if !ok {
			continue
		}
		p, err := plan.Binding(b, w)
		if err != nil {
			assert.NotEmpty(t, missing(err), "%s: %v", b.Name, err)
			t.Logf("%s: %v", b.Name, err)
			continue
		}
		compiled++
		raw, err := p.Encode()
		require.NoError(t, err)
		back, err := plan.Decode(raw)
		require.NoError(t, err)
		again, err := back.Encode()
		require.NoError(t, err)
		assert.Equal(t, string(raw), string(again))
	}
	assert.Positive(t, compiled)
	prod, err := plan.Binding(w.binding(t, "default/prod-slack-k8s"), w)
	require.NoError(t, err)
	assert.Contains(t, prod.Agents, "k8s-ops")
	assert.EqualValues(t, 2, prod.Context.Approval.MinApprovers)
}
