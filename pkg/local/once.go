// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"fmt"
	"os"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/plan"
)

// onePlan is the plan source of a single run.
type onePlan struct {
	name string
	plan *plan.Plan
}

// Plan gives the one plan there is.
func (o onePlan) Plan(_ context.Context, _, name string) (*plan.Plan, error) {
	if name != o.name {
		return nil, fmt.Errorf("%w: plan %s", ledger.ErrNotFound, name)
	}
	return o.plan, nil
}

// Once runs one flow for one event, here and now, and returns the run as it
// ended or came to wait. The ledger it uses is gone afterwards. The error says
// that the run could not be begun.
func Once(ctx context.Context, s Settings, w *World, flowName, contextName string, e cloudevents.Event) (*aofv1.FlowRun, error) {
	f, err := w.FindFlow(flowName)
	if err != nil {
		return nil, err
	}
	c, err := w.contextFor(f, contextName)
	if err != nil {
		return nil, err
	}
	p, err := plan.Flow(f, c, w)
	if err != nil {
		return nil, err
	}
	encoded, err := p.Encode()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "aof-run-")
	if err != nil {
		return nil, fmt.Errorf("scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Nobody will read this ledger after us, so there is no need to wait for the disk.
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Synchronous: sqlite.Normal, Clock: s.Clock})
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()

	run, err := claim.Of(p, plan.Name(p, encoded)).Run(e, "")
	if err != nil {
		return nil, err
	}
	if err := store.Create(ctx, run); err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	return s.newRunner(store, onePlan{plan.Name(p, encoded), p}, nil).Run(ctx, run.Namespace, run.Name)
}

// TextEvent is an event as if somebody had typed text on the command line.
func TextEvent(s Settings, text string) (cloudevents.Event, error) {
	now := s.Clock.Now()
	m := event.Message{
		ID: "cli-" + string(newUID()), Platform: "cli", Type: "message", Source: "cli", Text: text,
		ChannelID: "cli", User: event.User{ID: "cli_user", Username: "cli_user"}, Timestamp: now,
	}
	return m.CloudEvent("cli", "cli", nil)
}
