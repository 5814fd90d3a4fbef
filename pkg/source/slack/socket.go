// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

const (
	// maxHandled bounds how many events of a connection are handled at once.
	maxHandled = 16
	// handleTimeout is when Slack has given an event up and sends it again.
	handleTimeout = 3 * time.Second
)

// socket is the connection of one Trigger in Socket Mode.
type socket struct {
	receiver *receiver
	token    string
	settings source.Settings
	clock    clock.PassiveClock
}

var _ source.Stream = (*socket)(nil)

// NewStream makes the connection of one Slack Trigger in Socket Mode: one that has
// an app_token and no signing_secret. Of any other it gives nil: Slack calls us.
func NewStream(s source.Settings) (source.Stream, error) {
	c, err := parseConfig(s.Config)
	if err != nil {
		return nil, err
	}
	if c.signingSecret != "" || c.appToken == "" {
		return nil, nil //nolint:nilnil // not a failure: the Trigger wants no connection
	}
	r, err := newReceiver(c, s)
	if err != nil {
		return nil, err
	}
	var clk clock.PassiveClock = clock.RealClock{}
	if s.Clock != nil {
		clk = s.Clock
	}
	return &socket{receiver: r, token: c.appToken, settings: s, clock: clk}, nil
}

// Listen implements source.Stream. The library reconnects when Slack asks for it;
// a connection that can't be made ends it.
func (s *socket) Listen(ctx context.Context, deliver func(context.Context, source.Delivery) error) error {
	client := socketmode.New(newClient(s.token, s.settings, slackapi.OptionAppLevelToken(s.token)), socketmode.OptionReadLimit(2*event.MaxBytes))
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	var handling sync.WaitGroup
	defer handling.Wait()
	defer cancel()
	room := make(chan struct{}, maxHandled)
	var refused error
	for {
		select {
		case err := <-ended:
			if refused != nil {
				err = refused // it was told to end
			}
			return apiError("connect", err)
		case e := <-client.Events:
			if err := connectionError(e); err != nil {
				refused = err
				cancel()
			}
			if e.Request == nil || e.Request.EnvelopeID == "" {
				continue
			}
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				continue // the library's end comes next
			}
			handling.Go(func() {
				defer func() { <-room }()
				s.handle(ctx, client, e, deliver)
			})
		}
	}
}

// connectionError is why a connection could not be made, if the event says so.
func connectionError(e socketmode.Event) error {
	switch data := e.Data.(type) {
	case *slackapi.ConnectionErrorEvent:
		return data.ErrorObj
	case *slackapi.InvalidAuthEvent:
		return slackapi.SlackErrorResponse{Err: "invalid_auth"}
	default:
		return nil
	}
}

// handle delivers one event and acknowledges it when it is safe, or nothing that
// could ever be. It outlives the connection for as long as Slack would wait.
func (s *socket) handle(ctx context.Context, client *socketmode.Client, e socketmode.Event, deliver func(context.Context, source.Delivery) error) {
	delivery, err := s.read(ctx, e)
	switch {
	case source.KindOf(err) == source.Malformed && err != nil:
		// It would be as malformed the next time.
	case err != nil:
		return
	default:
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTimeout)
		defer cancel()
		if deliver(within, delivery) != nil {
			return
		}
	}
	_ = client.AckCtx(ctx, e.Request.EnvelopeID, nil) // what it doesn't reach is sent again
}

// read reads an event as the receiver would.
func (s *socket) read(ctx context.Context, e socketmode.Event) (source.Delivery, error) {
	switch e.Type {
	case socketmode.EventTypeEventsAPI:
		d, err := s.receiver.readEvent(e.Request.Payload)
		if err != nil {
			return source.Delivery{}, err
		}
		return s.receiver.complete(ctx, d, len(e.Request.Payload), s.clock.Now())
	case socketmode.EventTypeSlashCommand:
		form, ok := commandForm(e.Request.Payload)
		if !ok {
			return source.Delivery{}, malformed("the command is no object of texts")
		}
		d, err := s.receiver.takeForm(form, e.Request.Payload)
		if err != nil {
			return source.Delivery{}, err
		}
		return s.receiver.complete(ctx, d, len(e.Request.Payload), s.clock.Now())
	case socketmode.EventTypeInteractive:
		return s.receiver.readInteraction(e.Request.Payload)
	default:
		return ignored("events of this type are not taken"), nil
	}
}

// commandForm reads a slash command, which in Socket Mode is an object with the
// fields of the form.
func commandForm(payload []byte) (url.Values, bool) {
	var object map[string]any
	if json.Unmarshal(payload, &object) != nil || len(object) > maxFields {
		return nil, false
	}
	form := make(url.Values, len(object))
	for key, value := range object {
		text, ok := value.(string)
		if ok && utf8.ValidString(text) {
			form.Set(key, text)
		}
	}
	return form, true
}
