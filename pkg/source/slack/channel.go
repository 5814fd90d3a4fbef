// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"aof.dev/operator/pkg/source"
)

const (
	// maxNames bounds how many names are remembered.
	maxNames = 1024
	// nameLife is how long a name is believed; channels are rarely renamed.
	nameLife = 10 * time.Minute
	// noNameLife is how long a channel is believed to have no name we may see;
	// somebody may be inviting the bot just now.
	noNameLife = time.Minute
	// lookUpTimeout leaves room to answer within Slack's three seconds.
	lookUpTimeout = 2 * time.Second
)

// channelID is what Slack calls a conversation; anything else is a name.
var channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{7,}$`)

// namesChannel tells whether a filter needs the names of channels.
func namesChannel(filter []string) bool {
	for _, c := range filter {
		if c != "" && c != "*" && !channelID.MatchString(c) {
			return true
		}
	}
	return false
}

// channelNames finds the names of channels and remembers them for a while.
type channelNames struct {
	client *slackapi.Client
	flight singleflight.Group

	mu    sync.Mutex
	names map[string]channelName
}

// channelName is a remembered name; empty for a channel without one.
type channelName struct {
	name  string
	until time.Time
}

func newChannelNames(client *slackapi.Client) *channelNames {
	return &channelNames{client: client, names: make(map[string]channelName)}
}

// find is the name of a channel, empty when it has none. The error is
// Unavailable: without the name nobody can tell whom the event is for, and
// Slack tries again.
func (c *channelNames) find(ctx context.Context, id string, now time.Time) (string, error) {
	if strings.HasPrefix(id, "D") {
		return "", nil // direct messages have no names
	}
	if known, ok := c.remembered(id, now); ok {
		return known, nil
	}
	// A busy channel is asked for once, not once for each of its messages.
	v, err, _ := c.flight.Do(id, func() (any, error) {
		found, err := c.lookUp(ctx, id)
		if err == nil {
			c.remember(id, found, now)
		}
		return found, err
	})
	found, _ := v.(string)
	return found, err
}

func (c *channelNames) lookUp(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	channel, err := c.client.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: id})
	var said slackapi.SlackErrorResponse
	switch {
	case errors.As(err, &said) && said.Err == "channel_not_found":
		return "", nil
	case err != nil:
		e := apiError("find the name of a channel", err)
		e.Kind = source.Unavailable
		return "", e
	default:
		return channel.Name, nil
	}
}

func (c *channelNames) remembered(id string, now time.Time) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.names[id]
	return known.name, ok && now.Before(known.until)
}

func (c *channelNames) remember(id, found string, now time.Time) {
	life := nameLife
	if found == "" {
		life = noNameLife
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.names[id]; !known && len(c.names) >= maxNames {
		c.forgetOne(now)
	}
	c.names[id] = channelName{name: found, until: now.Add(life)}
}

// forgetOne makes room: all that are no longer believed go, else the one that
// would go next.
func (c *channelNames) forgetOne(now time.Time) {
	var next string
	for id, known := range c.names {
		if !now.Before(known.until) {
			delete(c.names, id)
		} else if next == "" || known.until.Before(c.names[next].until) {
			next = id
		}
	}
	if len(c.names) >= maxNames {
		delete(c.names, next)
	}
}
