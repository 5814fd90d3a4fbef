// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

func TestPageSize(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: ledger.DefaultLimit, 1: 1, ledger.MaxLimit: ledger.MaxLimit, ledger.MaxLimit + 1: ledger.MaxLimit} {
		got, err := ledger.ListOptions{Limit: limit}.PageSize()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := ledger.ListOptions{Limit: -1}.PageSize()
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

func TestContinueTokens(t *testing.T) {
	t.Parallel()
	type place struct{ Seq int64 }
	o := ledger.ListOptions{Namespace: "ns", Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhaseFailed}, Limit: 3}
	var at place
	found, err := o.Place(&at)
	require.NoError(t, err)
	assert.False(t, found, "the first page has no place before it")

	first, err := o.Token(place{Seq: 7})
	require.NoError(t, err)
	o.Continue = first
	found, err = o.Place(&at)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, place{Seq: 7}, at)

	second, err := o.Token(place{Seq: 9})
	require.NoError(t, err)
	assert.Less(t, len(second), len(first)+4, "a token does not hold the one before")

	for name, other := range map[string]ledger.ListOptions{
		"another namespace": {Namespace: "other", Phases: o.Phases, Limit: 3, Continue: first},
		"another limit":     {Namespace: "ns", Phases: o.Phases, Limit: 4, Continue: first},
		"fewer phases":      {Namespace: "ns", Limit: 3, Continue: first},
		"no token":          {Namespace: "ns", Continue: "garbage!"},
		"no JSON":           {Namespace: "ns", Continue: "Z2FyYmFnZQ"},
		"nothing in it":     {Continue: "e30"},
	} {
		_, err := other.Place(&at)
		require.ErrorIs(t, err, ledger.ErrInvalid, name)
	}
}
