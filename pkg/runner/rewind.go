// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
)

// journalOf is what the engine goes on from: the run's own journal, or before its
// first node what it takes over from the run that it continues. That is read
// again until it is written down, and nothing is begun before: the first write of
// such a run holds what it took over and what it is about to begin.
func (r *Runner) journalOf(ctx context.Context, run *aofv1.FlowRun, compiled *flow.Plan) ([]flow.NodeState, error) {
	if run.Spec.Retry == nil || len(run.Status.Nodes) > 0 {
		return readJournal(run)
	}
	entries, err := r.takeOver(ctx, run, compiled)
	if passing := (*passingError)(nil); err != nil && !errors.As(err, &passing) {
		return nil, fmt.Errorf("spec.retry: %w", err)
	}
	return entries, err
}

// takeOver gives what a run that is over leaves to the one that continues it.
func (r *Runner) takeOver(ctx context.Context, run *aofv1.FlowRun, compiled *flow.Plan) ([]flow.NodeState, error) {
	retry := run.Spec.Retry
	old, err := r.Store.Get(ctx, run.Namespace, retry.Run)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, fmt.Errorf("run %s is gone", retry.Run)
	case err != nil:
		return nil, &passingError{fmt.Errorf("read run %s: %w", retry.Run, err)}
	}
	if err := continues(run, old); err != nil {
		return nil, err
	}
	rewound, err := Rewind(old, compiled, retry.From)
	if err != nil {
		return nil, err
	}
	for i := range rewound.Kept {
		if n := &rewound.Kept[i]; n.TakenFrom == "" {
			n.TakenFrom = old.Name
		}
	}
	return rewound.Kept, nil
}

// Rewind says what a run that is over leaves to one that begins again at the
// nodes given. The error wraps a *flow.RewindError when it can't begin there; it
// also says when that would do again what nobody knows the outcome of.
func Rewind(old *aofv1.FlowRun, compiled *flow.Plan, from []string) (flow.Rewound, error) {
	if e := old.Status.Error; e != nil && e.Reason == reasonTooLarge {
		return flow.Rewound{}, fmt.Errorf("of run %s the outputs were not kept, since they were too large: it can be retried from the beginning only", old.Name)
	}
	journal, err := readJournal(old)
	if err != nil {
		return flow.Rewound{}, fmt.Errorf("run %s: %w", old.Name, err)
	}
	rewound, err := compiled.Rewind(from, journal)
	if err != nil {
		return flow.Rewound{}, fmt.Errorf("run %s: %w", old.Name, err)
	}
	var unsure []string
	for _, id := range rewound.CutOff {
		if n, known := compiled.Node(id); !known || !repeatable(n) {
			unsure = append(unsure, id)
		}
	}
	if len(unsure) > 0 {
		return flow.Rewound{}, fmt.Errorf("run %s ended while node %s was at work, so it is unknown whether it took effect: to have it done again, name it as well",
			old.Name, strings.Join(unsure, ", "))
	}
	return rewound, nil
}

// continues says why a run can't continue another; nil when it can. What the
// other did, and what people allowed it, was for its plan and its event.
func continues(run, old *aofv1.FlowRun) error {
	switch {
	case old.UID != run.Spec.Retry.UID:
		return fmt.Errorf("run %s is another one of that name by now", old.Name)
	case !old.IsDone():
		return fmt.Errorf("run %s is not over: it is %s", old.Name, old.Status.Phase)
	case old.Spec.Plan != run.Spec.Plan:
		return fmt.Errorf("run %s has another plan (%s)", old.Name, old.Spec.Plan)
	case !sameJSON(old.Spec.Event.Raw, run.Spec.Event.Raw):
		return fmt.Errorf("run %s is of another event", old.Name)
	}
	return nil
}

// sameJSON compares two texts by what they say, to the last digit.
func sameJSON(a, b []byte) bool {
	var values [2]any
	for i, raw := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
