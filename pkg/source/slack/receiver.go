// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"time"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

// largeBody is the size from which a message may be too large to travel; below
// it nobody has to look.
const largeBody = 32 << 10

// receiver is the receiver of one Trigger.
type receiver struct {
	config config
	// names finds the names of channels; nil when no filter needs them.
	names *channelNames
}

// NewReceiver makes the receiver of one Slack Trigger. It needs signing_secret,
// and bot_token when a filter names a channel by its name.
func NewReceiver(s source.Settings) (source.Receiver, error) {
	c, err := parseConfig(s.Config)
	if err != nil {
		return nil, err
	}
	if c.signingSecret == "" {
		return nil, source.Fail(source.Unauthenticated, "slack: signing_secret is not configured, so no request can be trusted")
	}
	return newReceiver(c, s)
}

// newReceiver makes what reads events, however they come.
func newReceiver(c config, s source.Settings) (*receiver, error) {
	r := &receiver{config: c}
	if namesChannel(c.channels) || namesChannel(s.Channels) {
		if c.botToken == "" {
			return nil, source.Fail(source.Unauthenticated, "slack: bot_token is not configured, but needed to find channels by their names")
		}
		r.names = newChannelNames(newClient(c.botToken, s))
	}
	return r, nil
}

// Warnings tells of keys without effect.
func (r *receiver) Warnings() []string { return slices.Clone(r.config.warnings) }

// Receive verifies and reads one request of Slack.
func (r *receiver) Receive(ctx context.Context, req source.Request, now time.Time) (source.Delivery, error) {
	if req.Method != http.MethodPost {
		e := source.Fail(source.Unsupported, "slack: the method is not POST")
		e.Allow = []string{http.MethodPost}
		return source.Delivery{}, e
	}
	if err := verify(r.config.signingSecret, req.Header, req.Body, now); err != nil {
		return source.Delivery{}, err
	}
	read := r.readEvent
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err == nil && t == "application/x-www-form-urlencoded" {
		read = r.readForm
	}
	d, err := read(req.Body)
	if err != nil {
		return source.Delivery{}, err
	}
	return r.complete(ctx, d, len(req.Body), now)
}

// complete finds out what messages don't say themselves, and checks them. Size is
// that of what they were read from.
func (r *receiver) complete(ctx context.Context, d source.Delivery, size int, now time.Time) (source.Delivery, error) {
	for i := range d.Messages {
		if err := r.nameChannel(ctx, &d.Messages[i], now); err != nil {
			return source.Delivery{}, err
		}
		if err := fit(&d.Messages[i], size); err != nil {
			return source.Delivery{}, err
		}
	}
	return d, nil
}

// nameChannel finds the name of a message's channel, if anybody needs it.
func (r *receiver) nameChannel(ctx context.Context, m *event.Message, now time.Time) error {
	if r.names == nil || m.ChannelName != "" || m.ChannelID == "" {
		return nil
	}
	found, err := r.names.find(ctx, m.ChannelID, now)
	if err != nil {
		return err
	}
	m.ChannelName = found
	if found != "" {
		m.Metadata["channel_name"] = found
	}
	return nil
}

// fit checks a message. Of a huge one, such as an alert with a hundred blocks,
// the payload is left behind rather than the message.
func fit(m *event.Message, size int) error {
	if size >= largeBody && errors.Is(m.Check(), event.ErrTooLarge) {
		m.Raw = nil
		m.Metadata["payload_omitted"] = true
	}
	if err := m.Check(); err != nil {
		return &source.Error{Kind: source.Malformed, Message: "slack: " + shorten(err.Error(), 256), Err: err}
	}
	return nil
}

// ignored is the delivery of a request nothing comes of.
func ignored(why string) source.Delivery { return source.Delivery{Ignored: why} }

func malformed(what string) error { return source.Fail(source.Malformed, "slack: "+what) }
