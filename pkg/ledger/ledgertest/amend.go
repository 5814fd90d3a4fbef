// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

var errRefused = errors.New("refused by the change")

// decide adds a decision, once however often it is asked.
func decide(user string) func(*aofv1.FlowRunSpec) error {
	return func(spec *aofv1.FlowRunSpec) error {
		if slices.ContainsFunc(spec.Decisions, func(d aofv1.RunDecision) bool { return d.User == user }) {
			return nil
		}
		spec.Decisions = append(spec.Decisions, aofv1.RunDecision{Node: "gate", Digest: "d", Approved: true, User: user})
		return nil
	}
}

func testAmend(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	run.Status.Phase = aofv1.FlowRunPhaseWaiting
	require.NoError(t, s.Update(t.Context(), run))

	amended, err := s.Amend(t.Context(), "ns", "a", decide("alice"))
	require.NoError(t, err)
	require.Len(t, amended.Spec.Decisions, 1)
	assert.Equal(t, "alice", amended.Spec.Decisions[0].User)
	assert.Greater(t, version(t, amended), version(t, run))
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, amended.Status.Phase, "the status stays")
	same(t, get(t, s, run), amended)

	run.Status.Phase = aofv1.FlowRunPhaseRunning
	require.ErrorIs(t, s.Update(t.Context(), run), ledger.ErrConflict, "whoever holds the run finds out")
	amended.Status.Phase = aofv1.FlowRunPhaseRunning
	require.NoError(t, s.Update(t.Context(), amended))
	assert.Len(t, get(t, s, run).Spec.Decisions, 1)

	amended, err = s.Amend(t.Context(), "ns", "a", func(spec *aofv1.FlowRunSpec) error {
		spec.Cancel = &aofv1.RunCancel{User: "bob", Reason: "enough"}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, "bob", get(t, s, amended).Spec.Cancel.User)
}

func testAmendNothing(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	amended, err := s.Amend(t.Context(), "ns", "a", func(*aofv1.FlowRunSpec) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, run.ResourceVersion, amended.ResourceVersion, "nothing changed, so nothing is written")
	run.Status.Phase = aofv1.FlowRunPhaseRunning
	require.NoError(t, s.Update(t.Context(), run))
}

func testAmendRefused(t *testing.T, s ledger.Store) {
	t.Helper()
	run := create(t, s, Run("ns", "a"))
	_, err := s.Amend(t.Context(), "ns", "a", decide("alice"))
	require.NoError(t, err)
	_, err = s.Amend(t.Context(), "ns", "a", func(spec *aofv1.FlowRunSpec) error {
		spec.Cancel = &aofv1.RunCancel{User: "bob"}
		return nil
	})
	require.NoError(t, err)
	before := get(t, s, run)
	for name, change := range map[string]func(*aofv1.FlowRunSpec){
		"the plan":           func(spec *aofv1.FlowRunSpec) { spec.Plan = "other" },
		"the event":          func(spec *aofv1.FlowRunSpec) { spec.Event.Raw = []byte(`{}`) },
		"the binding's name": func(spec *aofv1.FlowRunSpec) { spec.Binding.Name = "other" },
		"a decision":         func(spec *aofv1.FlowRunSpec) { spec.Decisions[0].Approved = false },
		"fewer decisions":    func(spec *aofv1.FlowRunSpec) { spec.Decisions = nil },
		"who cancelled":      func(spec *aofv1.FlowRunSpec) { spec.Cancel.User = "carol" },
		"cancelled no more":  func(spec *aofv1.FlowRunSpec) { spec.Cancel = nil },
		"too many decisions": func(spec *aofv1.FlowRunSpec) {
			spec.Decisions = append(spec.Decisions, make([]aofv1.RunDecision, ledger.MaxDecisions)...)
		},
	} {
		_, err := s.Amend(t.Context(), "ns", "a", func(spec *aofv1.FlowRunSpec) error {
			change(spec)
			return nil
		})
		require.ErrorIs(t, err, ledger.ErrInvalid, name)
	}
	_, err = s.Amend(t.Context(), "ns", "a", func(spec *aofv1.FlowRunSpec) error {
		spec.Decisions = nil
		return errRefused
	})
	require.ErrorIs(t, err, errRefused)
	_, err = s.Amend(t.Context(), "ns", "nobody", decide("alice"))
	require.ErrorIs(t, err, ledger.ErrNotFound)
	same(t, before, get(t, s, run))
}

func testAmendTooLarge(t *testing.T, s ledger.Store) {
	t.Helper()
	run := Run("ns", "a")
	run.Spec.Event.Raw = []byte(`{"x":"` + strings.Repeat("x", ledger.MaxRunBytes-2000) + `"}`)
	create(t, s, run)
	before := get(t, s, run)
	_, err := s.Amend(t.Context(), "ns", "a", decide(strings.Repeat("a", 3000)))
	require.ErrorIs(t, err, ledger.ErrTooLarge)
	same(t, before, get(t, s, run))
}

// Of decisions that are added at the same time as the status is written, none
// is lost.
func testConcurrentAmend(t *testing.T, s ledger.Store) {
	t.Helper()
	const people, each = 4, 5
	run := create(t, s, Run("ns", "a"))
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			for i := range each {
				_, err := s.Amend(t.Context(), "ns", "a", decide(fmt.Sprintf("%d-%d", p, i)))
				assert.NoError(t, err)
			}
		})
	}
	wg.Go(func() { countUp(t, s, run, "writer", people*each) })
	wg.Wait()
	got := get(t, s, run)
	seen := map[string]bool{}
	for _, d := range got.Spec.Decisions {
		seen[d.User] = true
	}
	assert.Len(t, seen, people*each)
	assert.Len(t, got.Spec.Decisions, people*each)
	assert.Len(t, entries(got), people*each)
	assert.Len(t, got.Status.Nodes, people*each)
}
