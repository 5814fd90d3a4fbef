// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

func TestTransform(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res, err := b.run(t, flow.KindTransform, values{"script": `
		export TEXT="${event.text}"
		export COPY=$GIVEN
		export GIVEN="was here"
		plain=1
		if [ -n "$TEXT" ]; then export LONG="${event.missing:-none} $plain"; fi
		echo heard`}, event("restart pod-7"))
	require.NoError(t, err)
	exports := map[string]string{"TEXT": "restart pod-7", "COPY": "was here", "LONG": "none 1"}
	assert.Equal(t, exports, res.Exports)
	assert.Equal(t, values{"script_executed": true, "TEXT": "restart pod-7", "COPY": "was here", "LONG": "none 1"}, res.Output)
}

func TestTransformIgnoresWhatItCannotHave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := b.ok(t, flow.KindTransform, values{"script": "kubectl get pods\ncurl http://x\nexport A=1\nnonesuch"}, nil)
	assert.Equal(t, []any{"curl", "kubectl", "nonesuch"}, out["ignored"])
	assert.Equal(t, "1", out["A"])
}

func TestTransformFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fails(t, flow.KindTransform, values{"script": "export A=1\nexit 3"}, nil, node.ReasonScript)
	b.fails(t, flow.KindTransform, values{"script": "set -e\nfalse\nexport A=1"}, nil, node.ReasonScript)
	b.fails(t, flow.KindTransform, values{"script": "if then"}, nil, "ScriptSyntax")
	b.fails(t, flow.KindTransform, values{"script": " "}, nil, node.ReasonInvalidConfig)
	e := b.fails(t, flow.KindTransform, values{"script": "while true; do :; done", "timeout": 0.05}, nil, node.ReasonTimeout)
	assert.True(t, e.Retryable)
	// The status of a last test that was false is nobody's failure.
	assert.Equal(t, values{"script_executed": true}, b.ok(t, flow.KindTransform, values{"script": `[ -n "" ] && export A=1`}, nil))
}
