// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Runs holds what users may do with FlowRuns: make one, add decisions, cancel.
type Runs struct {
	Clock      clock.PassiveClock
	Processes  Processes
	References *References
}

// Stamp writes into a run who made the decisions that old does not have, and
// when, and who cancelled it. Old is nil when the run is created. What the
// request says about these things counts for nothing.
func (r *Runs) Stamp(user *authenticationv1.UserInfo, old, run *aofv1.FlowRun) {
	var decided int
	cancelled := false
	if old != nil {
		decided, cancelled = len(old.Spec.Decisions), old.Spec.Cancel != nil
	}
	for i := decided; i < len(run.Spec.Decisions); i++ {
		d := &run.Spec.Decisions[i]
		d.User, d.Aliases, d.At = user.Username, nil, metav1.NewMicroTime(r.Clock.Now())
	}
	if c := run.Spec.Cancel; c != nil && !cancelled {
		c.User = user.Username
	}
}

// Check is a validation callback for FlowRuns. That decisions are only added and
// the rest stays as it is, the kind's own validation says; here is what depends
// on who asks.
func (r *Runs) Check(ctx context.Context, u *unstructured.Unstructured) error {
	user := apis.GetUserInfo(ctx)
	if user == nil {
		return errNobody
	}
	if r.Processes.run(user.Username, u.GetNamespace()) {
		return nil
	}
	run := &aofv1.FlowRun{}
	if err := decode(u, run); err != nil {
		return err
	}
	old, _ := apis.GetBaseline(ctx).(*aofv1.FlowRun)
	if old == nil {
		old = &aofv1.FlowRun{}
	}
	// What a status says is what was done: nobody else tells.
	if !equality.Semantic.DeepEqual(old.Status, run.Status) {
		return &apis.FieldError{Message: "only AOF's own processes write the status of runs", Paths: []string{"status"}}
	}
	if err := r.refuse(user.Username, old, run); err != nil {
		return err.ViaField("spec")
	}
	return r.References.Check(ctx, u)
}

func (r *Runs) refuse(user string, old, run *aofv1.FlowRun) *apis.FieldError {
	var errs *apis.FieldError
	for i := len(old.Spec.Decisions); i < len(run.Spec.Decisions); i++ {
		if got := run.Spec.Decisions[i].User; got != user {
			// Stamp has seen to it, unless something changed the run after.
			errs = errs.Also(&apis.FieldError{
				Message: fmt.Sprintf("user %q can't decide as %q", user, got),
				Paths:   []string{fmt.Sprintf("decisions[%d].user", i)},
			})
		}
	}
	if !old.IsDone() {
		return errs
	}
	over := func(path string) *apis.FieldError {
		return &apis.FieldError{Message: fmt.Sprintf("the run is over (%s)", old.Status.Phase), Paths: []string{path}}
	}
	if len(run.Spec.Decisions) > len(old.Spec.Decisions) {
		errs = errs.Also(over("decisions"))
	}
	if run.Spec.Cancel != nil && old.Spec.Cancel == nil {
		errs = errs.Also(over("cancel"))
	}
	return errs
}
