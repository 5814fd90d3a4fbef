// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
)

// maxBlockers is how many runs that are in the way are looked for in the ledger
// before one is believed to go on.
const maxBlockers = 8

func (e *execution) bindingKey() quota.Key {
	return quota.Key{Kind: quota.Binding, Namespace: e.plan.Namespace, Name: e.plan.Binding}
}

// turnKey is what tells runs in each other's way from others: a digest, since the
// text is the event's.
func (e *execution) turnKey(o *plan.Overrun) (string, error) {
	t, err := expr.ParseTemplate(o.Key)
	if err != nil {
		return "", fmt.Errorf("overrun.key: %w", err)
	}
	text, err := t.Render(expr.Chain(e.compiled.Scope(e.state, ""), emptyText{}))
	if err != nil {
		return "", fmt.Errorf("overrun.key: %w", err)
	}
	sum := sha256.Sum256([]byte(text))
	const size = 12
	return hex.EncodeToString(sum[:size]), nil
}

// emptyText stands for what an event does not have.
type emptyText struct{}

// Resolve implements expr.Resolver.
func (emptyText) Resolve(expr.Path) (any, bool) { return "", true }

// takeTurn asks for the run's turn among the runs of its binding and key. Who is
// in the way is believed to be so only if the ledger says so too.
func (e *execution) takeTurn(ctx context.Context, o *plan.Overrun) (stop bool, err error) {
	key, err := e.turnKey(o)
	if err != nil {
		said := bounded(e.secrets.RedactText(err.Error()))
		return true, e.turnAway(ctx, guard.LimitOverrun, outcomeRefused, said, func(s *aofv1.FlowRunStatus) {
			s.MarkFailed(aofv1.RunError{Reason: "CannotRun", Message: said})
		})
	}
	me := e.place()
	me.Name = e.run.Name
	alive, gone := map[string]bool{}, map[string]bool{}
	var entry guard.Entry
	var blocker guard.Place
	for asked := 0; ; asked++ {
		err := e.runner.Quotas.Turns(ctx, e.bindingKey(), func(t *guard.Turns, now time.Time) (changed bool) {
			for id := range gone {
				changed = t.Leave(id) || changed
			}
			entry = guard.Entry{}
			if blocker = t.Blocker(key, me.ID); blocker.ID != "" && !alive[blocker.ID] && asked < maxBlockers {
				return changed
			}
			entry = t.Enter(o.Policy, key, me, now)
			return changed || entry.Changed
		})
		if err != nil {
			return true, &passingError{err}
		}
		if entry.State != "" {
			break
		}
		over, err := e.isOver(ctx, blocker)
		if err != nil {
			return true, &passingError{err}
		}
		if alive[blocker.ID] = !over; over {
			gone[blocker.ID] = true
		}
	}
	if err := e.replace(ctx, entry.Replaced); err != nil {
		return true, &passingError{err}
	}
	switch entry.State {
	case guard.Waits:
		said := fmt.Sprintf("run %s of the same key is not over (overrun policy %s)", entry.Other.Name, o.Policy)
		return true, e.keepOut(ctx, guard.LimitOverrun, said, entry.Opens)
	case guard.Skipped:
		said := fmt.Sprintf("skipped: run %s is not over (overrun policy %s)", entry.Other.Name, o.Policy)
		return true, e.turnAway(ctx, guard.LimitOverrun, outcomeSkipped, said, func(s *aofv1.FlowRunStatus) { s.MarkCancelled(said) })
	case guard.Yours:
	}
	return false, nil
}

// isOver says whether a run is over or gone.
func (e *execution) isOver(ctx context.Context, p guard.Place) (bool, error) {
	run, err := e.runner.Store.Get(ctx, e.run.Namespace, p.Name)
	if errors.Is(err, ledger.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return string(run.UID) != p.ID || run.IsDone(), nil
}

// replace cancels the runs whose place this one takes.
func (e *execution) replace(ctx context.Context, others []guard.Place) error {
	for _, p := range others {
		_, err := e.runner.Store.Amend(ctx, e.run.Namespace, p.Name, func(spec *aofv1.FlowRunSpec) error {
			if spec.Cancel == nil {
				spec.Cancel = &aofv1.RunCancel{User: "aof", Reason: names.ReplacedBy + e.run.Name}
			}
			return nil
		})
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
	}
	return nil
}
