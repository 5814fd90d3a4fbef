// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"net/http"
	"strings"

	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/reply"
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
		return node.Receipt{}, reply.NotReady(err)
	}
	return reply.Send(ctx, messenger, platform.Type, message)
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
