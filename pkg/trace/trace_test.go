// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trace_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"

	"aof.dev/operator/pkg/trace"
)

const (
	ids    = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	parent = "00-" + ids + "-01"
)

func TestFromHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		parent, state []string
		want          trace.Context
	}{
		{name: "none"},
		{name: "a trace", parent: []string{parent}, want: trace.Context{Parent: parent}},
		{name: "with state", parent: []string{parent}, state: []string{"congo=t61rcWkgMzE,a@b=1"}, want: trace.Context{Parent: parent, State: "congo=t61rcWkgMzE,a@b=1"}},
		{name: "with state in two headers", parent: []string{parent}, state: []string{"a=1", "b=2"}, want: trace.Context{Parent: parent, State: "a=1,b=2"}},
		{name: "of a later version", parent: []string{"cc-" + ids + "-01-more"}, want: trace.Context{Parent: parent}},
		{name: "two parents", parent: []string{parent, parent}},
		{name: "state without a trace", state: []string{"a=1"}},
		{name: "too short", parent: []string{parent[:54]}},
		{name: "too long", parent: []string{parent + "-x"}},
		{name: "of no version", parent: []string{"ff-" + ids + "-01"}},
		{name: "a later version run on", parent: []string{"cc-" + ids + "-01x"}},
		{name: "capitals", parent: []string{strings.ToUpper(parent)}},
		{name: "no trace id", parent: []string{"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"}},
		{name: "no span id", parent: []string{"00-0af7651916cd43dd8448eb211c80319c-" + strings.Repeat("0", 16) + "-01"}},
		{name: "flags that are none", parent: []string{"00-" + ids + "-0x"}},
		{name: "dashes elsewhere", parent: []string{strings.ReplaceAll(parent, "-", "_")}},
		{name: "state with a line break", parent: []string{parent}, state: []string{"a=1\r\nx: y"}, want: trace.Context{Parent: parent}},
		{name: "state with a key twice", parent: []string{parent}, state: []string{"a=1,a=2"}, want: trace.Context{Parent: parent}},
		{name: "state without a value", parent: []string{parent}, state: []string{"a"}, want: trace.Context{Parent: parent}},
		{name: "state with capitals", parent: []string{parent}, state: []string{"A=1"}, want: trace.Context{Parent: parent}},
		{name: "a long state", parent: []string{parent}, state: []string{"a=" + strings.Repeat("x", 600)}, want: trace.Context{Parent: parent}},
		{name: "a state of many", parent: []string{parent}, state: []string{strings.Repeat(",", 32) + "a=1"}, want: trace.Context{Parent: parent}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for _, v := range tt.parent {
				h.Add(trace.Parent, v)
			}
			for _, v := range tt.state {
				h.Add(trace.State, v)
			}
			assert.Equal(t, tt.want, trace.FromHeader(h))
		})
	}
}

func TestATraceTravels(t *testing.T) {
	t.Parallel()
	c := trace.Context{Parent: parent, State: "a=1"}
	h := http.Header{}
	c.SetHeader(h)
	assert.Equal(t, c, trace.FromHeader(h))
	e := cloudevents.New()
	c.SetEvent(&e)
	assert.Equal(t, c, trace.FromEvent(e))
	assert.Equal(t, c, trace.From(trace.With(t.Context(), c)))
}

func TestNoTraceLeavesNothing(t *testing.T) {
	t.Parallel()
	var c trace.Context
	h := http.Header{}
	c.SetHeader(h)
	assert.Empty(t, h)
	e := cloudevents.New()
	c.SetEvent(&e)
	assert.Empty(t, e.Extensions())
	assert.True(t, trace.From(context.WithoutCancel(t.Context())).IsZero())
}

func TestBegin(t *testing.T) {
	t.Parallel()
	one, two := trace.Begin(), trace.Begin()
	assert.NotEqual(t, one, two)
	h := http.Header{}
	one.SetHeader(h)
	assert.Equal(t, one, trace.FromHeader(h), "what we begin is valid")
}

func FuzzParse(f *testing.F) {
	f.Add(parent, "a=1")
	f.Add("cc-"+ids+"-01-", "a@b=x y , b=2")
	f.Fuzz(func(t *testing.T, p, s string) {
		c := trace.FromHeader(http.Header{"Traceparent": {p}, "Tracestate": {s}})
		if c.IsZero() {
			assert.Empty(t, c.State)
			return
		}
		assert.Len(t, c.Parent, 55)
		assert.LessOrEqual(t, len(c.State), 512)
		assert.NotContains(t, c.Parent+c.State, "\n")
		again := http.Header{}
		c.SetHeader(again)
		assert.Equal(t, c, trace.FromHeader(again))
	})
}
