// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/once"
)

const (
	// extensionErrorCode is where Knative writes with which status the last
	// attempt to deliver an event was refused.
	extensionErrorCode = "knativeerrorcode"
	// reasonDeadLettered is the reason of a run whose event was given up.
	reasonDeadLettered = "DeadLettered"
)

// deadLetter records that an event was given up, so that it is not lost without
// a trace: as a run that failed. A run that exists is left alone: its event is
// safe, and the controller has it delivered again. A dead letter is always
// taken, unless the ledger can't be reached, since nobody would take it after us.
func (h *Handler) deadLetter(ctx context.Context, d delivery) answer {
	if d.event.Type() == names.TypeResume {
		return done // the run is in the ledger
	}
	p, err := h.Plans.find(ctx, h.Namespace, d.plan)
	if errors.Is(err, ledger.ErrNotFound) {
		h.Log.Error("dead letter for a plan that is gone", "binding", d.binding, "plan", d.plan, "event", d.event.ID())
		return done
	}
	if err != nil {
		return h.noPlan(d, err)
	}
	if !p.isFor(h.Namespace, d) {
		return done
	}
	if matched, looked := event.Matched(d.event); looked && !slices.Contains(matched, h.Namespace+"/"+d.binding) {
		return done
	}
	binding := claim.Of(p.plan, d.plan)
	run, refusal := h.newRun(p, binding, d)
	if run == nil {
		h.Log.Warn("dead letter not recorded", "binding", d.binding, "event", d.event.ID(), "why", refusal.text)
		return done
	}
	h.fail(run, d)
	if p.plan.Context.Audit != nil {
		run.Status.Audit = &aofv1.RunAudit{} // the sweep has it put on record
	}
	duplicate := (*once.DuplicateError)(nil)
	switch err := h.create(ctx, binding, d, run); {
	case errors.Is(err, ledger.ErrExists):
		return done
	case errors.As(err, &duplicate):
		h.Log.Info("dead letter is a duplicate", "binding", d.binding, "event", d.event.ID(), "run", duplicate.Run)
		return done
	case errors.Is(err, ledger.ErrTooLarge), errors.Is(err, ledger.ErrInvalid):
		h.Log.Warn("dead letter not recorded", "binding", d.binding, "event", d.event.ID(), "error", shorten(err.Error()))
		return done
	case err != nil:
		return h.stored(d, "dead letter not recorded", err)
	}
	h.Log.Error("event could not be delivered", "run", run.Name, "binding", d.binding, "event", d.event.ID())
	return done
}

// fail ends a run that never began.
func (h *Handler) fail(run *aofv1.FlowRun, d delivery) {
	now := metav1.NewMicroTime(h.Clock.Now())
	run.Status.InitializeConditions()
	run.Status.MarkFailed(aofv1.RunError{Reason: reasonDeadLettered, Message: "the broker gave the event up" + errorCode(d)})
	run.Status.StartTime, run.Status.CompletionTime = &now, &now
}

// errorCode says with which status the event was refused, if that is known.
func errorCode(d delivery) string {
	var code string
	switch v := d.event.Extensions()[extensionErrorCode].(type) {
	case string:
		code = v
	case int32:
		code = strconv.Itoa(int(v))
	}
	if len(code) != 3 {
		return ""
	}
	for _, c := range code {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return ": the last attempt was answered with status " + code
}
