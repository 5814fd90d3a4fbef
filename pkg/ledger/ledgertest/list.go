// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

func names(list *aofv1.FlowRunList) []string {
	var out []string
	for _, run := range list.Items {
		out = append(out, run.Namespace+"/"+run.Name)
	}
	return out
}

// collect lists all pages.
func collect(t *testing.T, s ledger.Store, o ledger.ListOptions) []string {
	t.Helper()
	var out []string
	for run, err := range ledger.All(t.Context(), s, o) {
		require.NoError(t, err)
		out = append(out, run.Namespace+"/"+run.Name)
	}
	return out
}

// fill creates runs in an order that is not that of their names.
func fill(t *testing.T, s ledger.Store) {
	t.Helper()
	for _, r := range []struct {
		namespace, name, flow, binding string
		phase                          aofv1.FlowRunPhase
	}{
		{"b", "two", "deploy", "prod", aofv1.FlowRunPhaseRunning},
		{"a", "one", "k8s-ops", "prod", ""},
		{"a", "two", "k8s-ops", "dev", aofv1.FlowRunPhaseFailed},
		{"a", "six", "deploy", "", aofv1.FlowRunPhasePending},
	} {
		run := Run(r.namespace, r.name)
		run.Spec.Flow.Name = r.flow
		run.Spec.Binding.Name = r.binding
		if r.binding == "" {
			run.Spec.Binding, run.Spec.Trigger = nil, nil
		}
		create(t, s, run)
		if r.phase != "" {
			run.Status.Phase = r.phase
			require.NoError(t, s.Update(t.Context(), run))
		}
	}
}

func testFilter(t *testing.T, s ledger.Store) {
	t.Helper()
	list, err := s.List(t.Context(), ledger.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, list.Items)
	assert.NotNil(t, list.Items, "an empty list is a list in JSON")
	fill(t, s)
	for name, tc := range map[string]struct {
		options ledger.ListOptions
		want    []string
	}{
		"all":             {ledger.ListOptions{}, []string{"a/one", "a/six", "a/two", "b/two"}},
		"newest first":    {ledger.ListOptions{NewestFirst: true}, []string{"a/six", "a/two", "a/one", "b/two"}},
		"namespace":       {ledger.ListOptions{Namespace: "b"}, []string{"b/two"}},
		"binding":         {ledger.ListOptions{Binding: "prod"}, []string{"a/one", "b/two"}},
		"flow":            {ledger.ListOptions{Flow: "deploy"}, []string{"a/six", "b/two"}},
		"trigger":         {ledger.ListOptions{Trigger: "slack"}, []string{"a/one", "a/two", "b/two"}},
		"phase":           {ledger.ListOptions{Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseFailed}}, []string{"a/two", "b/two"}},
		"pending":         {ledger.ListOptions{Phases: []aofv1.FlowRunPhase{aofv1.FlowRunPhasePending}}, []string{"a/one", "a/six"}},
		"several":         {ledger.ListOptions{Namespace: "a", Binding: "prod", Flow: "k8s-ops"}, []string{"a/one"}},
		"nothing":         {ledger.ListOptions{Namespace: "a' OR 1=1 --"}, nil},
		"small page":      {ledger.ListOptions{Limit: 1}, []string{"a/one", "a/six", "a/two", "b/two"}},
		"small, newest":   {ledger.ListOptions{Limit: 1, NewestFirst: true}, []string{"a/six", "a/two", "a/one", "b/two"}},
		"small, filtered": {ledger.ListOptions{Limit: 1, Namespace: "a", NewestFirst: true}, []string{"a/six", "a/two", "a/one"}},
	} {
		assert.Equal(t, tc.want, collect(t, s, tc.options), name)
	}
}

func testPages(t *testing.T, s ledger.Store) {
	t.Helper()
	fill(t, s)
	list, err := s.List(t.Context(), ledger.ListOptions{Limit: 3})
	require.NoError(t, err)
	assert.Len(t, list.Items, 3)
	assert.NotEmpty(t, list.Continue)
	assert.NotEmpty(t, list.ResourceVersion)
	list, err = s.List(t.Context(), ledger.ListOptions{Limit: 3, Continue: list.Continue})
	require.NoError(t, err)
	assert.Equal(t, []string{"b/two"}, names(list))
	assert.Empty(t, list.Continue)
	list, err = s.List(t.Context(), ledger.ListOptions{Limit: 4})
	require.NoError(t, err)
	assert.Empty(t, list.Continue, "a page that is just full is the last")

	got, err := s.Get(t.Context(), "a", "two")
	require.NoError(t, err)
	same(t, got, &list.Items[slices.Index(names(list), "a/two")])
}

// What was there from beginning to end is listed exactly once, whatever comes
// and goes meanwhile.
func testPagesWhileWriting(t *testing.T, s ledger.Store) {
	t.Helper()
	for _, newest := range []bool{false, true} {
		prefix := map[bool]string{false: "x", true: "y"}[newest]
		var want []string
		for i := range 9 {
			run := create(t, s, Run(prefix, fmt.Sprintf("run-%d", i)))
			want = append(want, run.Namespace+"/"+run.Name)
		}
		create(t, s, Run(prefix, "run-4-gone"))
		var got []string
		n := 0
		for run, err := range ledger.All(t.Context(), s, ledger.ListOptions{Namespace: prefix, Limit: 2, NewestFirst: newest}) {
			require.NoError(t, err)
			if name := run.Namespace + "/" + run.Name; slices.Contains(want, name) {
				got = append(got, name)
			}
			create(t, s, Run(prefix, fmt.Sprintf("new-%d", n)))
			create(t, s, Run(prefix, fmt.Sprintf("z-%d", n)))
			if n++; n == 1 {
				require.NoError(t, s.Delete(t.Context(), prefix, "run-4-gone"))
			}
			if n > 50 {
				break // by name, what comes after the cursor is listed too
			}
		}
		if newest {
			slices.Reverse(got)
		}
		assert.Equal(t, want, got)
	}
}

func testContinue(t *testing.T, s ledger.Store) {
	t.Helper()
	fill(t, s)
	list, err := s.List(t.Context(), ledger.ListOptions{Limit: 1})
	require.NoError(t, err)
	for name, o := range map[string]ledger.ListOptions{
		"another selection": {Limit: 1, Namespace: "a", Continue: list.Continue},
		"another order":     {Limit: 1, NewestFirst: true, Continue: list.Continue},
		"garbage":           {Continue: "garbage"},
		"negative limit":    {Limit: -1},
	} {
		_, err := s.List(t.Context(), o)
		require.ErrorIs(t, err, ledger.ErrInvalid, name)
	}
}
