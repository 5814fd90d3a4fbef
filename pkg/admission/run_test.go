// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/apis"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func userRuns(allowed ...string) *Runs {
	processes := Processes{Namespace: "aof-system"}
	return &Runs{
		Clock: clocktesting.NewFakePassiveClock(noon), Processes: processes,
		References: &References{Reviews: &reviews{allowed: allowed}, Processes: processes},
	}
}

// flowRun is a run with the given rest of its spec and status.
func flowRun(spec, status string) string {
	if spec != "" {
		spec = ", " + spec
	}
	if status != "" {
		status = ", status: " + status
	}
	return `{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: r, namespace: team-a}, spec: {flow: {name: f}, plan: p, event: {specversion: "1.0", id: "1", source: /s, type: t, n: 1.50}` + spec + `}` + status + `}`
}

const (
	asked    = `decisions: []`
	approved = `decisions: [{node: ask, digest: d, approved: true, user: ann, at: "2026-01-02T11:00:00.000000Z"}]`
)

func TestStampingARun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, run string
		user     string
		sub      string
		want     string // the patch
	}{
		"who decided": {
			old: flowRun("", ""), run: flowRun(`decisions: [{node: ask, digest: d, approved: true}]`, ""),
			want: `[{"op":"add","path":"/spec/decisions","value":[{"node":"ask","digest":"d","approved":true,"user":"ann","at":"2026-01-02T12:00:00.000000Z"}]}]`,
		},
		"whatever they say": {
			old: flowRun("", ""), run: flowRun(`decisions: [{node: ask, approved: true, user: ceo, aliases: [ceo@example.com], at: "2020-01-01T00:00:00.000000Z"}]`, ""),
			want: `[{"op":"add","path":"/spec/decisions","value":[{"node":"ask","approved":true,"user":"ann","at":"2026-01-02T12:00:00.000000Z"}]}]`,
		},
		"only what is new": {
			old: flowRun(approved, ""), run: flowRun(`decisions: [{node: ask, digest: d, approved: true, user: ann, at: "2026-01-02T11:00:00.000000Z"}, {node: m, approved: false, user: x}]`, ""),
			want: `[{"op":"add","path":"/spec/decisions","value":[{"node":"ask","digest":"d","approved":true,"user":"ann","at":"2026-01-02T11:00:00.000000Z"},{"node":"m","approved":false,"user":"ann","at":"2026-01-02T12:00:00.000000Z"}]}]`,
		},
		"what was decided stays, for validation to judge": {
			old: flowRun(approved, ""), run: flowRun(approved, ""), want: ``,
		},
		"who cancelled": {
			old: flowRun("", ""), run: flowRun(`cancel: {reason: wrong, user: ceo}`, ""),
			want: `[{"op":"add","path":"/spec/cancel","value":{"user":"ann","reason":"wrong"}}]`,
		},
		"who cancelled stays": {
			old: flowRun(`cancel: {reason: wrong, user: bob}`, ""), run: flowRun(`cancel: {reason: wrong, user: bob}`, ""), want: ``,
		},
		"references become canonical, the event stays": {
			run:  `{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: r, namespace: team-a}, spec: {flow: ns/f, binding: {name: b}, trigger: {ref: t}, event: {specversion: "1.0", id: "1"}}}`,
			want: `[{"op":"add","path":"/spec/flow","value":{"name":"f","namespace":"ns"}},{"op":"add","path":"/spec/trigger","value":{"name":"t"}}]`,
		},
		"a status is not ours": {old: flowRun("", ""), run: flowRun(`cancel: {user: x}`, ""), sub: "status"},
		"the adapter writes down who decided on the platform": {
			old: flowRun("", ""), run: flowRun(`decisions: [{node: ask, approved: true, user: "slack:U1"}]`, ""),
			user: "system:serviceaccount:aof-system:aof-adapter",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := &admissionv1.AdmissionRequest{
				Namespace: "team-a", SubResource: c.sub,
				UserInfo: authenticationv1.UserInfo{Username: orElse(c.user, "ann")},
				Object:   raw(t, c.run),
			}
			if c.old != "" {
				request.OldObject = raw(t, c.old)
			}
			patch, err := userRuns().Admit(t.Context(), request)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(patch))
		})
	}
}

func TestAnUnreadableRunIsRefused(t *testing.T) {
	t.Parallel()
	_, err := userRuns().Admit(t.Context(), &admissionv1.AdmissionRequest{Object: runtime.RawExtension{Raw: []byte(`{"spec": 1}`)}})
	assert.ErrorContains(t, err, "read the run")
}

func TestWhatUsersMayDoWithRuns(t *testing.T) {
	t.Parallel()
	const decided = `decisions: [{node: ask, approved: true, user: ann}]`
	for name, c := range map[string]struct {
		old, run string
		user     string
		allowed  []string
		want     []string
	}{
		"start one":                        {run: flowRun("", "")},
		"decide":                           {old: flowRun(asked, `{phase: Waiting}`), run: flowRun(decided, `{phase: Waiting}`)},
		"decide as someone else":           {old: flowRun(asked, ""), run: flowRun(`decisions: [{node: ask, approved: true, user: ceo}]`, ""), want: []string{"spec.decisions[0].user"}},
		"decide what is over":              {old: flowRun(asked, `{phase: Failed}`), run: flowRun(decided, `{phase: Failed}`), want: []string{"spec.decisions"}},
		"cancel":                           {old: flowRun("", `{phase: Running}`), run: flowRun(`cancel: {user: ann}`, `{phase: Running}`)},
		"cancel what is over":              {old: flowRun("", `{phase: Succeeded}`), run: flowRun(`cancel: {user: ann}`, `{phase: Succeeded}`), want: []string{"spec.cancel"}},
		"start one that is finished":       {run: flowRun("", `{phase: Succeeded}`), want: []string{"status"}},
		"finish one":                       {old: flowRun("", `{phase: Running}`), run: flowRun("", `{phase: Succeeded}`), want: []string{"status"}},
		"forget what was done":             {old: flowRun("", `{phase: Running}`), run: flowRun("", ""), want: []string{"status"}},
		"a runner writes in its namespace": {old: flowRun("", ""), run: flowRun("", `{phase: Running}`), user: "system:serviceaccount:team-a:aof-runner"},
		"but not in another's":             {old: flowRun("", ""), run: flowRun("", `{phase: Running}`), user: "system:serviceaccount:team-b:aof-runner", want: []string{"status"}},
		"run a flow of another namespace":  {run: foreignRun, want: []string{"spec.flow"}},
		"run a flow that one may get":      {run: foreignRun, allowed: []string{"agentflows/ops/f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := apis.WithUserInfo(t.Context(), &authenticationv1.UserInfo{Username: orElse(c.user, "ann")})
			if c.old != "" {
				old, err := typed(read(t, c.old))
				require.NoError(t, err)
				ctx = apis.WithinUpdate(ctx, old)
			}
			assert.ElementsMatch(t, c.want, refusedPaths(t, userRuns(c.allowed...).Check(ctx, read(t, c.run))))
		})
	}
}

const foreignRun = `{apiVersion: aof.dev/v1, kind: FlowRun, metadata: {name: r, namespace: team-a}, spec: {flow: {name: f, namespace: ops}, event: {}}}`

func raw(t *testing.T, manifest string) runtime.RawExtension {
	t.Helper()
	data, err := json.Marshal(read(t, manifest).Object)
	require.NoError(t, err)
	return runtime.RawExtension{Raw: data}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
