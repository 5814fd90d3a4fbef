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

// channelID is what Slack calls a conversation; anything else is a name. Names
// are in lower case, so nothing can be both.
var channelID = regexp.MustCompile(`^[CDG][A-Z0-9]+$`)

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

	mu    sync.Mutex
	names map[string]channelName
	// asked are the questions on their way: a busy channel is asked for once,
	// not once for each of its messages.
	asked map[string]*question
}

// channelName is a remembered name; empty for a channel without one.
type channelName struct {
	name  string
	until time.Time
}

// question is a call on its way. Name and error are set before done is closed.
type question struct {
	done chan struct{}
	name string
	err  error
}

func newChannelNames(client *slackapi.Client) *channelNames {
	return &channelNames{client: client, names: make(map[string]channelName), asked: make(map[string]*question)}
}

// find is the name of a channel, empty when it has none. The error is
// Unavailable: without the name nobody can tell whom the event is for, and
// Slack tries again.
func (c *channelNames) find(ctx context.Context, id string, now time.Time) (string, error) {
	if strings.HasPrefix(id, "D") {
		return "", nil // direct messages have no names
	}
	c.mu.Lock()
	if known, ok := c.names[id]; ok && now.Before(known.until) {
		c.mu.Unlock()
		return known.name, nil
	}
	q, asked := c.asked[id]
	if !asked {
		q = &question{done: make(chan struct{})}
		c.asked[id] = q
	}
	c.mu.Unlock()
	if !asked {
		c.ask(ctx, id, q, now)
	}
	select {
	case <-q.done:
		return q.name, q.err
	case <-ctx.Done():
		return "", unnamed(ctx.Err())
	}
}

// ask answers a question, for everybody who waits for it.
func (c *channelNames) ask(ctx context.Context, id string, q *question, now time.Time) {
	found, err := c.lookUp(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.remember(id, found, now)
	}
	q.name, q.err = found, err
	delete(c.asked, id)
	close(q.done)
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
		return "", unnamed(err)
	default:
		return channel.Name, nil
	}
}

// unnamed says that a name can't be had now. Even a refusal is Unavailable:
// somebody may put the token right before Slack gives up.
func unnamed(err error) error {
	e := apiError("find the name of a channel", err)
	e.Kind = source.Unavailable
	return e
}

// remember keeps a name; the caller holds the lock.
func (c *channelNames) remember(id, found string, now time.Time) {
	life := nameLife
	if found == "" {
		life = noNameLife
	}
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
