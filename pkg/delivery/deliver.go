// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/pkg/trace"
)

// delivery is one request, read.
type delivery struct {
	// binding and plan are what the URL names.
	binding, plan string
	event         cloudevents.Event
	trace         trace.Context
	// since is when the request came.
	since time.Time
}

// deliver has the run of the event carried on, creating it if nobody has.
func (h *Handler) deliver(ctx context.Context, d delivery) answer {
	if d.event.Type() == names.TypeResume {
		return h.resumed(ctx, d)
	}
	p, err := h.Plans.find(ctx, h.Namespace, d.plan)
	if err != nil {
		return h.noPlan(d, err)
	}
	if !p.isFor(h.Namespace, d) {
		return done
	}
	binding := claim.Of(p.plan, d.plan)
	if matched, looked := event.Matched(d.event); looked {
		if !slices.Contains(matched, h.Namespace+"/"+d.binding) {
			return done
		}
		// The adapter has claimed it, unless somebody else wrote the list.
		run, err := h.Store.Get(ctx, h.Namespace, binding.RunName(d.event))
		switch {
		case err == nil:
			return h.carry(ctx, d, run)
		case !errors.Is(err, ledger.ErrNotFound):
			return h.stored(d, "run not read", err)
		}
	}
	run, refusal := h.newRun(p, binding, d)
	if run == nil {
		return refusal
	}
	if binding.Dedupe != nil {
		if a, made := h.unique(ctx, binding, d, run); !made {
			return a
		}
	}
	return h.carry(ctx, d, run)
}

// unique creates the run of an event, unless another event that is about the same
// thing has started one; then, and when that is not known yet, the answer holds.
func (h *Handler) unique(ctx context.Context, binding claim.Binding, d delivery, run *aofv1.FlowRun) (a answer, made bool) {
	duplicate := (*once.DuplicateError)(nil)
	switch err := h.create(ctx, binding, d, run); {
	case err == nil:
		return answer{}, true
	case errors.Is(err, ledger.ErrExists):
		return h.existing(ctx, d, run.Name), false
	case errors.As(err, &duplicate):
		h.Log.Info("duplicate", "binding", d.binding, "event", d.event.ID(), "run", duplicate.Run, "until", duplicate.Until)
		return done, false
	case errors.Is(err, once.ErrBusy):
		return answer{status: http.StatusTooManyRequests, text: err.Error()}, false
	default:
		return h.stored(d, "event not claimed", err), false
	}
}

// create creates a run, unless another event that is about the same thing has
// started one.
func (h *Handler) create(ctx context.Context, binding claim.Binding, d delivery, run *aofv1.FlowRun) error {
	if h.Once == nil || binding.Dedupe == nil {
		return h.Store.Create(ctx, run)
	}
	message, err := event.FromCloudEvent(d.event)
	if err != nil {
		return err
	}
	return h.Once.Create(ctx, binding, d.event, message, run)
}

// newRun makes the run of an event that matches; without one the answer holds.
func (h *Handler) newRun(p *found, binding claim.Binding, d delivery) (*aofv1.FlowRun, answer) {
	message, err := event.FromCloudEvent(d.event)
	if err != nil {
		return nil, refusalOf(err)
	}
	verdicts := p.rules.Match(message.Facts())
	if len(verdicts) == 0 {
		h.Log.Debug("event does not match", "binding", d.binding, "event", d.event.ID())
		return nil, done
	}
	run, err := binding.Run(d.event, verdicts[0].Pattern)
	if err != nil {
		return nil, refusalOf(err)
	}
	return run, answer{}
}

// resumed carries on the run that a resume event names.
func (h *Handler) resumed(ctx context.Context, d delivery) answer {
	name, _ := d.event.Extensions()[names.ExtensionRun].(string)
	if name == "" {
		return answer{status: http.StatusBadRequest, text: "the event names no run (" + names.ExtensionRun + ")"}
	}
	return h.existing(ctx, d, name)
}

// existing carries on a run that is in the ledger. One that is gone again, or is
// of another binding, is none of ours.
func (h *Handler) existing(ctx context.Context, d delivery, name string) answer {
	run, err := h.Store.Get(ctx, h.Namespace, name)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return done
	case err != nil:
		return h.stored(d, "run not read", err)
	case run.Spec.Binding == nil || run.Spec.Binding.Name != d.binding:
		return done
	}
	return h.carry(ctx, d, run)
}

func (h *Handler) carry(ctx context.Context, d delivery, run *aofv1.FlowRun) answer {
	// The run keeps to the plan it was made with, whatever the URL names now. One
	// that can't be read is for Carry to judge.
	if p, err := h.Plans.Plan(ctx, run.Namespace, run.Spec.Plan); err == nil {
		ctx = withTrigger(ctx, p.Trigger)
	}
	if d.trace.IsZero() { // the sweep's events have none
		d.trace = traceOf(run)
		ctx = trace.With(ctx, d.trace)
	}
	carried, err := h.Runs.Carry(ctx, run)
	switch {
	case errors.Is(err, runner.ErrExists):
		return h.existing(ctx, d, run.Name) // who made it may be gone
	case run.ResourceVersion == "" && (errors.Is(err, ledger.ErrTooLarge) || errors.Is(err, ledger.ErrInvalid)):
		return h.stored(d, "event not claimed", err)
	}
	if carried == nil {
		carried = run
	}
	return h.outcome(d, carried, err)
}

// traceOf is the trace of the event that a run is of.
func traceOf(run *aofv1.FlowRun) trace.Context {
	var e cloudevents.Event
	if json.Unmarshal(run.Spec.Event.Raw, &e) != nil {
		return trace.Context{} // the runner says what is wrong with it
	}
	return trace.FromEvent(e)
}

// noPlan answers a delivery whose plan can't be had. A plan that is gone has
// been replaced: the sender asks the next time with the new one, or not at all.
func (h *Handler) noPlan(d delivery, err error) answer {
	if errors.Is(err, ledger.ErrNotFound) {
		h.Log.Warn("plan is gone", "binding", d.binding, "plan", d.plan)
		return answer{status: http.StatusNotFound, text: "there is no such plan"}
	}
	h.Log.Warn("plan not read", "binding", d.binding, "plan", d.plan, "error", shorten(err.Error()))
	return unavailable("the plan can't be read now")
}
