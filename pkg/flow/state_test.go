// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// reload sends a state through its JSON form.
func reload(t require.TestingT, s flow.State) flow.State {
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var out flow.State
	require.NoError(t, json.Unmarshal(text, &out))
	again, err := json.Marshal(out)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	require.Equal(t, s.Nodes, out.Nodes, "values keep their Go types")
	require.Equal(t, s.Facts, out.Facts)
	return out
}

func TestStateSurvivesJSONExactly(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a"), work("b")}})
	local := time.Date(2026, 5, 1, 9, 30, 0, 123456789, time.FixedZone("", 2*60*60))
	s, _ := p.Step(flow.State{}, flow.Start{
		Facts: flow.Facts{Event: map[string]any{"ids": []string{"x"}, "empty": map[string]any{}}, Env: map[string]string{"bad\xff": "utf\xfe"}, Meta: map[string]any{}},
		At:    local,
	})
	s, _ = p.Step(s, flow.Waiting{Node: "b", Attempt: 1, At: local, Wait: flow.Wait{
		Kind: flow.WaitEvent, Message: "bad \xff", Until: local.Add(time.Hour), Details: map[string]any{"n": 1, "list": []int{1, 2}},
	}})
	s, _ = p.Step(s, flow.Done{Node: "a", Attempt: 1, At: time.Now(), Exports: map[string]string{}, Output: map[string]any{
		"small": 7, "int": int64(math.MaxInt64), "uint": uint64(math.MaxUint64), "exact": float64(1 << 53), "beyond": float64(1 << 60), "least": float64(math.MinInt64), "huge": 1e300, "tiny": 5e-324,
		"negative zero": math.Copysign(0, -1), "number": json.Number("12345678901234567890123"), "raw": json.RawMessage(`{"n":9007199254740993}`),
		"text": "<&>\u2028 \xff", "textual": expr.Textual{Value: map[string]any{"id": "x"}, Text: "x"}, "nil": nil, "none": []any(nil), "f32": float32(0.5),
		"struct": struct {
			A int `json:"a"`
		}{3}, "time": local,
	}})
	out := reload(t, s)
	fields, _ := out.Nodes[0].Output.(map[string]any)
	assert.InDelta(t, 7.0, fields["small"], 0)
	assert.Equal(t, int64(math.MaxInt64), fields["int"])
	assert.Equal(t, map[string]any{"n": int64(9007199254740993)}, fields["raw"])
	assert.Equal(t, map[string]any{"a": 3.0}, fields["struct"])
	assert.Equal(t, "<&>\u2028 \uFFFD", fields["text"])
	assert.Equal(t, flow.PhaseWaiting, out.Phase)

	out, commands := p.Step(out, flow.Done{Node: "b", Attempt: 1, At: local})
	assert.Equal(t, []flow.Command{flow.Finish{Phase: ok}}, commands)
	assert.Equal(t, ok, out.Phase)
	reload(t, flow.State{})
}

func TestStateRefusesWhatItDidNotWrite(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":          `{`,
		"a wrong type":     `{"nodes":3}`,
		"an unknown link":  `{"links":".x"}`,
		"an endless event": `{"facts":{"event":{"a":` + deep(flow.MaxDepth+1) + `}}}`,
		"an endless node":  `{"nodes":[{"id":"a","output":` + deep(flow.MaxDepth+1) + `}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s flow.State
			require.Error(t, json.Unmarshal([]byte(text), &s))
		})
	}
}

func deep(n int) string {
	text, _ := json.Marshal(nested(n)) //nolint:errchkjson // lists of true
	return string(text)
}

// What someone changed in a stored state may be nonsense, but must not panic.
func TestAForgedStateDoesNotPanic(t *testing.T) {
	t.Parallel()
	p := compile(t, flow.Flow{Nodes: []flow.Node{work("a"), node("c", flow.KindConditional, "condition", "x == 1"), work("b")}, Edges: []flow.Edge{edge("a", "c"), edge("c", "b", "true")}})
	for _, text := range []string{
		`{"phase":"Running","nodes":[{"id":"a","phase":"Running","attempt":1},{"phase":"Succeeded"},{"phase":"Nonsense"}],"links":"..."}`,
		`{"phase":"Running","nodes":[{"id":"a","phase":"Running","attempt":1},{},{}],"links":"ttt"}`,
		`{"phase":"Waiting","nodes":[{"id":"b","phase":"Waiting","attempt":1},{"phase":"Failed"},{"phase":"Failed"}],"links":"ppp"}`,
		`{"phase":"Running","nodes":[{"phase":"Running","attempt":1}],"links":"..."}`,
	} {
		var s flow.State
		require.NoError(t, json.Unmarshal([]byte(text), &s))
		s, _ = p.Step(s, flow.Done{Node: "a", Attempt: 1})
		s, _ = p.Step(s, flow.Cancel{})
		_, _ = p.Result(s)
		p.Scope(s, "b").Resolve(expr.Path{"a"})
		p.Env(s, "b")
	}
}
