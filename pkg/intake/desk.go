// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/trace"
)

const (
	// maxClaims bounds how many runs of one event are created at once.
	maxClaims = 16
	// sendTimeout bounds how long a sender waits for the broker.
	sendTimeout = 800 * time.Millisecond
)

// Runs creates the runs that claim events; a ledger.Store is one.
type Runs interface {
	Create(ctx context.Context, run *aofv1.FlowRun) error
}

// Once creates a run unless another event with the same business key has started
// one; *once.Maker does.
type Once interface {
	Create(ctx context.Context, b claim.Binding, e cloudevents.Event, m event.Message, run *aofv1.FlowRun) error
}

// desk takes the events of one Trigger, as one version of its table wants it.
type desk struct {
	options *Options
	key     types.NamespacedName
	table   *route.Table
}

var (
	_ adapter.Sink          = (*desk)(nil)
	_ adapter.TimedObserver = (*desk)(nil)
)

// Accept claims an event for every binding that matched, and tells the broker.
// It returns nil only when all runs are in the ledger; a run that is there already
// is the same event again. Whether the broker took the event is our trouble, not
// the sender's: the controller sends what stays Pending again.
func (d *desk) Accept(ctx context.Context, namespace, trigger string, m event.Message, matched []match.Verdict) error {
	ids := make([]string, 0, len(matched))
	for _, v := range matched {
		ids = append(ids, v.Rule)
	}
	e, err := m.CloudEvent(namespace, trigger, ids)
	if err != nil {
		return err
	}
	trace.From(ctx).SetEvent(&e)
	duplicates, err := d.claim(ctx, e, m, matched)
	switch {
	case err != nil:
		return err
	case len(duplicates) == len(matched):
		return fmt.Errorf("%w: %w", adapter.ErrDuplicate, duplicates[ids[0]])
	case len(duplicates) > 0:
		// The signal is for those that have something to run.
		ids = slices.DeleteFunc(ids, func(id string) bool { return duplicates[id] != nil })
		signal, err := m.CloudEvent(namespace, trigger, ids)
		if err != nil {
			return err
		}
		trace.From(ctx).SetEvent(&signal)
		e = signal
	}
	d.send(ctx, e)
	return nil
}

// claimed is what became of one claim.
type claimed struct {
	created bool
	// duplicate says of what, when the event is one.
	duplicate error
	err       error
}

// claim claims the event for every binding that matched, and gives those for which
// it is a duplicate.
func (d *desk) claim(ctx context.Context, e cloudevents.Event, m event.Message, matched []match.Verdict) (duplicates map[string]error, err error) {
	results := make([]claimed, len(matched))
	var group errgroup.Group
	group.SetLimit(maxClaims)
	for i, v := range matched {
		group.Go(func() error {
			results[i] = d.claimOne(ctx, e, m, v)
			return nil
		})
	}
	_ = group.Wait() // every claim has its own result
	var errs []error
	var created []string
	existed := false
	duplicates = map[string]error{}
	for i, r := range results {
		switch {
		case r.err != nil:
			errs = append(errs, r.err)
		case r.duplicate != nil:
			duplicates[matched[i].Rule] = r.duplicate
		case r.created:
			created = append(created, matched[i].Rule)
		default:
			existed = true
		}
	}
	if len(errs) > 0 {
		// The event comes again, and its duplicates with it.
		d.options.Counts.claimed(d, created, nil, existed)
		return nil, fmt.Errorf("%d of %d claims failed, such as: %w", len(errs), len(results), errs[0])
	}
	d.options.Counts.claimed(d, created, duplicates, existed)
	return duplicates, nil
}

func (d *desk) claimOne(ctx context.Context, e cloudevents.Event, m event.Message, v match.Verdict) claimed {
	b, ok := d.table.Binding(v.Rule)
	if !ok {
		return claimed{err: fmt.Errorf("binding %s is not in the table", v.Rule)}
	}
	run, err := b.Claim.Run(e, v.Pattern)
	if err != nil {
		return claimed{err: err}
	}
	if d.options.Once != nil {
		err = d.options.Once.Create(ctx, b.Claim, e, m, run)
	} else {
		err = d.options.Runs.Create(ctx, run)
	}
	duplicate := (*once.DuplicateError)(nil)
	switch {
	case err == nil:
		d.options.Log.Info("claimed", "run", run.Name, "namespace", run.Namespace, "binding", v.Rule, "why", v.Reason, "traceparent", trace.From(ctx).Parent)
		return claimed{created: true}
	case errors.As(err, &duplicate):
		d.options.Log.Info("duplicate", "binding", v.Rule, "event", e.ID(), "run", duplicate.Run, "until", duplicate.Until)
		return claimed{duplicate: duplicate}
	case errors.Is(err, ledger.ErrExists):
		d.options.Log.Debug("event seen before", "run", run.Name, "binding", v.Rule)
		return claimed{}
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		// With its namespace the binding is gone; it must not hold up the others.
		d.options.Log.Warn("binding's namespace is gone", "binding", v.Rule)
		return claimed{}
	default:
		return claimed{err: fmt.Errorf("claim for binding %s: %w", v.Rule, err)}
	}
}

// send tells the broker of an event that is claimed. The answer to the sender
// waits for it, but not for long.
func (d *desk) send(ctx context.Context, e cloudevents.Event) {
	if d.table.Broker == "" {
		d.options.Counts.unsent(d)
		d.options.Log.Warn("trigger has no broker yet", "trigger", d.key.String(), "event", e.ID())
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if err := d.options.Broker.Send(ctx, d.table.Broker, e); err != nil {
		d.options.Counts.unsent(d)
		d.options.Log.Warn("event not sent; the controller sends it again", "trigger", d.key.String(), "event", e.ID(), "error", bounded(err))
	}
}

// Event implements adapter.Observer.
func (d *desk) Event(namespace, trigger string, m event.Message, outcome adapter.Outcome, reason string) {
	d.EventAfter(namespace, trigger, m, outcome, reason, 0)
}

// EventAfter implements adapter.TimedObserver.
func (d *desk) EventAfter(_, _ string, m event.Message, outcome adapter.Outcome, reason string, took time.Duration) {
	var n fold.Arrivals
	log := d.options.Log.Info
	switch outcome {
	case adapter.Accepted:
		n.Received, n.Processed = 1, 1
	case adapter.Dropped:
		n.Received, n.Dropped = 1, 1
		log = d.options.Log.Debug
	case adapter.Duplicate:
		n.Received, n.Duplicates = 1, 1
	case adapter.Rejected, adapter.Failed:
		n.Errors = 1
	}
	if n.Received > 0 {
		n.TotalProcessing = took
		n.Last = &fold.LastEvent{Timestamp: d.options.Clock.Now(), Type: m.Type, Source: m.Source, User: m.User.ID}
	}
	// An event that nothing matched was compared with every binding; what its
	// platform ignored was not.
	d.options.Counts.arrived(d, &n, outcome == adapter.Dropped && m.ID != "")
	log("event", "trigger", d.key.String(), "outcome", string(outcome), "type", m.Type, "id", m.ID, "why", reason, "took", took.String())
}
