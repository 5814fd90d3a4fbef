// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

func metaKey(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func stored(name string, superseded time.Time, inUse bool) StoredPlan {
	return StoredPlan{ConfigMap: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, Superseded: superseded, InUse: inUse}
}

func namesOf(plans []*corev1.ConfigMap) []string {
	var out []string
	for _, p := range plans {
		out = append(out, p.Name)
	}
	return out
}

func TestDecide(t *testing.T) {
	t.Parallel()
	off := false
	compiled := &resources.Plan{Name: "new"}
	missing := errors.Join(errors.New("other"), &plan.MissingError{Kind: "Agent"})
	type want struct {
		plan                       string
		subscribe                  bool
		reason                     string
		supersede, restore, delete []string
		again                      time.Duration
	}
	for what, row := range map[string]struct {
		in   Input
		want want
	}{
		"it compiles":           {Input{Plan: compiled}, want{plan: "new", subscribe: true}},
		"it is suspended":       {Input{Plan: compiled, Binding: &aofv1.FlowBinding{Spec: aofv1.FlowBindingSpec{Enabled: &off}}}, want{plan: "new"}},
		"something is missing":  {Input{PlanErr: missing}, want{reason: aofv1.ReasonReferenceNotFound}},
		"the plan is too large": {Input{PlanErr: fmt.Errorf("x: %w", resources.ErrPlanTooLarge)}, want{reason: aofv1.ReasonPlanTooLarge}},
		"it makes no sense":     {Input{PlanErr: errors.New("a cycle")}, want{reason: aofv1.ReasonCannotCompile}},
		"an old plan is marked first": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("new", time.Time{}, false), stored("old", time.Time{}, false)}},
			want{plan: "new", subscribe: true, supersede: []string{"old"}, again: resources.Grace},
		},
		"an old plan waits out its grace": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("old", noon.Add(-time.Minute), false)}},
			want{plan: "new", subscribe: true, again: resources.Grace - time.Minute},
		},
		"an old plan goes": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("old", noon.Add(-resources.Grace), false)}},
			want{plan: "new", subscribe: true, delete: []string{"old"}},
		},
		"an old plan that a run needs stays": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("old", noon.Add(-24*time.Hour), true)}},
			want{plan: "new", subscribe: true},
		},
		"an old plan stays on which a run can be retried": {
			Input{Plan: compiled, Plans: []StoredPlan{{ConfigMap: stored("old", time.Time{}, false).ConfigMap, Superseded: noon.Add(-24 * time.Hour), Retryable: true}}},
			want{plan: "new", subscribe: true},
		},
		"a plan that came back is restored": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("new", noon.Add(-24*time.Hour), false)}},
			want{plan: "new", subscribe: true, restore: []string{"new"}},
		},
		"nothing compiles and the plan was there": {
			Input{PlanErr: missing, Plans: []StoredPlan{stored("new", time.Time{}, false)}},
			want{reason: aofv1.ReasonReferenceNotFound, supersede: []string{"new"}, again: resources.Grace},
		},
		"the soonest counts": {
			Input{Plan: compiled, Plans: []StoredPlan{stored("old", noon.Add(-time.Minute), false), stored("older", noon.Add(-2*time.Minute), false)}},
			want{plan: "new", subscribe: true, again: resources.Grace - 2*time.Minute},
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			in := row.in
			in.Now = noon
			if in.Binding == nil {
				in.Binding = &aofv1.FlowBinding{}
			}
			d := Decide(&in)
			assert.Equal(t, row.want, want{d.Plan, d.Subscribe, d.Reason, namesOf(d.Supersede), namesOf(d.Restore), namesOf(d.Delete), d.Again})
			assert.Equal(t, row.want.reason != "", d.Err != nil)
		})
	}
}
