// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/secretref"
	"aof.dev/operator/pkg/source"
)

// Messenger sends the replies of runs through the platform of their Trigger,
// which it finds in the plan that the run is carried out on.
type Messenger struct {
	// Platforms are those that can be replied on.
	Platforms *source.Registry
	// Lookup finds a credential by name.
	Lookup func(name string) (string, bool)
	// HTTPClient makes the calls.
	HTTPClient *http.Client
	// BaseURL gives the address of a platform's API by the Trigger's type; nil,
	// or an empty answer, is the real one.
	BaseURL func(triggerType string) string
}

var _ node.Messenger = (*Messenger)(nil)

type triggerKey struct{}

// withTrigger puts a plan's Trigger into the context of the run's work.
func withTrigger(ctx context.Context, t *plan.Trigger) context.Context {
	return context.WithValue(ctx, triggerKey{}, t)
}

// Send implements node.Messenger.
func (m *Messenger) Send(ctx context.Context, _ node.Run, message node.Message) (node.Receipt, error) {
	t, _ := ctx.Value(triggerKey{}).(*plan.Trigger)
	if t == nil {
		return node.Receipt{}, node.ErrNowhere
	}
	platform, known := m.Platforms.Lookup(t.Type)
	if !known || platform.NewMessenger == nil || !speaks(platform, t.Type, message.Platform) {
		return node.Receipt{}, node.ErrNowhere
	}
	messenger, err := platform.NewMessenger(m.settings(t))
	if err != nil {
		return node.Receipt{}, &node.Error{Reason: "TriggerNotReady", Message: notReady(err), Err: err}
	}
	to := source.Target{Platform: platform.Type, Channel: message.Channel, Thread: message.Thread, Format: message.Format, Sorted: message.Sorted, Data: message.Data, Blocks: message.Blocks}
	if q := message.Ask; q != nil {
		to.Ask = &source.Question{Namespace: q.Namespace, Run: q.Run, Node: q.Node, Digest: q.Digest}
	}
	receipt, err := messenger.Send(ctx, to, message.Text)
	if err != nil {
		return node.Receipt{}, sendError(ctx, err)
	}
	return node.Receipt{ID: receipt.ID, Channel: receipt.Channel}, nil
}

// speaks says whether a message for the named platform goes out by this one.
func speaks(p source.Platform, triggerType, wanted string) bool {
	if wanted == "" || strings.EqualFold(wanted, triggerType) || strings.EqualFold(wanted, p.Type) {
		return true
	}
	for _, alias := range p.Aliases {
		if strings.EqualFold(wanted, alias) {
			return true
		}
	}
	return false
}

// settings resolves what the plan keeps of the Trigger. A key whose credential
// is not there is left out: sending may not need it, and if it does the platform
// says what it lacks.
func (m *Messenger) settings(t *plan.Trigger) source.Settings {
	out := source.Settings{Namespace: t.Namespace, Name: t.Name, Config: map[string]any{}, HTTPClient: m.HTTPClient}
	credentials := secretref.Place{Lookup: m.Lookup}
	for key, text := range t.Config {
		if value, err := secretref.Fill(text, credentials); err == nil && value != "" {
			out.Config[key] = value
		}
	}
	if m.BaseURL != nil {
		out.BaseURL = m.BaseURL(t.Type)
	}
	return out
}

func notReady(err error) string {
	var typed *source.Error
	if errors.As(err, &typed) {
		return typed.Message
	}
	return "the trigger's configuration has errors, see its status"
}

func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *source.Error
	if errors.As(err, &typed) {
		return &node.Error{Reason: "SendFailed", Message: typed.Message, Retryable: typed.Kind == source.Unavailable, Err: err}
	}
	return &node.Error{Reason: "SendFailed", Message: "the platform did not take the message", Err: err}
}
