// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
)

const (
	// maxTries is how often somebody else may be faster before we give up: the
	// sender tries again.
	maxTries = 20
	// pause is how long to wait for the run of another event of the key to come to
	// be, maxPauses how often.
	pause     = 50 * time.Millisecond
	maxPauses = 40
)

// ErrBusy says that another event of the key is about to start a run, and that
// nobody knows yet whether it will. The event is not dealt with: send it again.
var ErrBusy = errors.New("another event with the same key is about to start a run")

// DuplicateError says that an event has no run of its own, because another event
// of the same key started one.
type DuplicateError struct {
	// Run of the other event.
	Run string
	// Until is when the window is over that began with that event.
	Until time.Time
}

// Error names the run.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("an event with the same key started run %s; until %s there is no other", e.Run, e.Until.UTC().Format(time.RFC3339))
}

// Runs is what is needed of a ledger.
type Runs interface {
	Create(ctx context.Context, run *aofv1.FlowRun) error
	Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error)
}

// Maker creates runs. All fields but Counts must be set.
type Maker struct {
	Runs  Runs
	Keys  Store
	Clock clock.Clock
	// Counts has duplicates counted in the record of their key, for processes that
	// have no other place to count them.
	Counts bool
}

// Create creates the run of a binding for an event. The error is the ledger's
// (ledger.ErrExists for an event that was seen before), a *DuplicateError, ErrBusy,
// or what kept it from the keys.
func (m *Maker) Create(ctx context.Context, b claim.Binding, e cloudevents.Event, message event.Message, run *aofv1.FlowRun) error {
	name, ok, err := b.Key(e, message)
	if err != nil {
		return err
	}
	if !ok {
		return m.Runs.Create(ctx, run)
	}
	a := attempt{Maker: m, binding: b, name: name, run: run}
	for range maxTries + maxPauses {
		done, err := a.once(ctx)
		if done || err != nil {
			return err
		}
	}
	return ErrBusy
}

// attempt is the work on one run.
type attempt struct {
	*Maker
	binding claim.Binding
	name    string
	run     *aofv1.FlowRun
	pauses  int
}

// now is the time as every store can keep it.
func (a *attempt) now() time.Time { return a.Clock.Now().UTC().Truncate(time.Microsecond) }

// once reads the key's record and does what is to be done about it. Not done means
// that somebody else was faster, or is about to be.
func (a *attempt) once(ctx context.Context) (done bool, err error) {
	record, _, err := a.Keys.Load(ctx, a.run.Namespace, a.name)
	if err != nil {
		return false, fmt.Errorf("read key %s: %w", a.name, err)
	}
	step, next, err := a.decide(ctx, &record)
	if err != nil {
		return false, err
	}
	changed := next != record.Entry
	record.Entry = next
	switch step {
	case dedupe.Take:
		return a.take(ctx, &record)
	case dedupe.Mine:
		return true, fmt.Errorf("run %s: %w", a.run.Name, ledger.ErrExists)
	case dedupe.Duplicate:
		if a.Counts {
			record.Entry.Duplicates++
		}
		if changed || a.Counts {
			_ = a.Keys.Save(ctx, &record) // who comes next finds out again; a count may be missed
		}
		return true, &DuplicateError{Run: next.Run, Until: next.Until}
	case dedupe.Wait, dedupe.Look:
		return false, a.wait(ctx)
	default:
		return false, fmt.Errorf("key %s: unknown step %q", a.name, step)
	}
}

// decide looks for the run of another event where that matters.
func (a *attempt) decide(ctx context.Context, record *Record) (dedupe.Step, dedupe.Entry, error) {
	have, window := &record.Entry, a.binding.Dedupe.Window
	if record.Version == "" {
		have = nil
	}
	step, next := dedupe.Decide(have, a.run.Name, window, dedupe.Unknown, a.now())
	if step != dedupe.Look {
		return step, next, nil
	}
	seen := dedupe.There
	if _, err := a.Runs.Get(ctx, a.run.Namespace, have.Run); errors.Is(err, ledger.ErrNotFound) {
		seen = dedupe.Absent
	} else if err != nil {
		return step, next, fmt.Errorf("read run %s: %w", have.Run, err)
	}
	step, next = dedupe.Decide(have, a.run.Name, window, seen, a.now())
	return step, next, nil
}

// take writes the entry and creates its run, in this order: who dies in between
// leaves an entry that names the run he was to create.
func (a *attempt) take(ctx context.Context, record *Record) (done bool, err error) {
	record.Namespace, record.Name = a.run.Namespace, a.name
	record.Binding, record.BindingUID = a.binding.Name, a.binding.UID
	if t := a.binding.Trigger; t != nil {
		record.Trigger = t.NamespacedName(a.run.Namespace).String()
	}
	switch err := a.Keys.Save(ctx, record); {
	case errors.Is(err, ErrConflict):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("write key %s: %w", a.name, err)
	}
	if a.Clock.Since(record.Entry.Claimed) > dedupe.Haste {
		return false, nil // it took so long that another may think we died
	}
	err = a.Runs.Create(ctx, a.run)
	if err == nil || errors.Is(err, ledger.ErrExists) {
		record.Entry.Made = true
		_ = a.Keys.Save(ctx, record) // who comes next finds the run
	}
	return true, err
}

// wait lets the other go on for a moment.
func (a *attempt) wait(ctx context.Context) error {
	if a.pauses++; a.pauses > maxPauses {
		return ErrBusy
	}
	timer := a.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
