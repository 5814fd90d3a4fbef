// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/expr"
)

// Request is one HTTP request, read completely and bounded by the caller.
type Request struct {
	// Method is the HTTP method in upper case.
	Method string
	// Header holds the headers under their canonical names.
	Header http.Header
	// Query holds the parameters of the URL.
	Query url.Values
	// Body is the raw body: signatures are made over it.
	Body []byte
}

// Reply is the HTTP answer a platform wants to see.
type Reply struct {
	// Status is the HTTP status code.
	Status int
	// ContentType is empty for a reply without a body.
	ContentType string
	// Body is sent as it is.
	Body []byte
}

// Delivery is what came of an authenticated request.
type Delivery struct {
	// Messages are the events in it, mostly one.
	Messages []event.Message
	// Reply answers the request once the messages are safe; nil is an empty 200.
	Reply *Reply
	// Answers are what people said to questions: buttons and reactions. A reaction
	// is a message as well.
	Answers []Answer
	// Taken are messages that somebody on the way has dealt with, such as answers
	// that became decisions. They are counted, and go nowhere.
	Taken []event.Message
	// Ignored says why nothing came of a request that was in order, such as a
	// message written by the bot itself. Empty for handshakes.
	Ignored string
}

// Question is what a message asks people. It comes back with their answer.
type Question struct {
	Namespace string `json:"namespace"`
	Run       string `json:"run"`
	Node      string `json:"node"`
	// Digest of what is asked.
	Digest string `json:"digest"`
}

// Answer is what one person said, by a button or a reaction. Question is set for
// a button; a reaction has only the message that it stands under, which may be
// anybody's.
type Answer struct {
	User event.User
	// Channel and Message are where it was given, Thread where to reply.
	Channel, Message, Thread string
	Question                 *Question
	Approved                 bool
	// Reaction is the name of the emoji, without colons.
	Reaction string
}

// Receiver turns the requests of one Trigger into events. It is used by many
// goroutines at once.
type Receiver interface {
	// Receive authenticates and parses a request that arrived at now. The
	// error is an [*Error]; no message is returned with one.
	Receive(ctx context.Context, req Request, now time.Time) (Delivery, error)
}

// Warner is implemented by receivers that found something in their
// configuration which deserves a word but doesn't stop them, such as an unknown
// key. Warnings never hold values, only keys.
type Warner interface {
	Warnings() []string
}

// Stream is the connection of one Trigger to a platform that sends its events over
// a connection of ours.
type Stream interface {
	// Listen connects and hands on what comes until the context ends or the
	// connection is lost. What deliver returned an error for is not acknowledged,
	// so that the platform sends it again. Deliver may be called by many
	// goroutines at once. The error is never nil; its text is safe to show.
	Listen(ctx context.Context, deliver func(context.Context, Delivery) error) error
}

// Target is where an answer goes.
type Target struct {
	// Platform is the lower-case name of the platform.
	Platform string
	// Channel is the conversation, by id; a Slack channel may be named.
	Channel string
	// Thread is the thread inside it; empty starts a new one.
	Thread string
	// Format is text, markdown or blocks; empty is markdown. Platforms that
	// can't show a format show the text.
	Format string
	// Sorted says that Data tells which parts of the text came from users, models
	// and the like. What is between them the author of the flow wrote: its markup
	// and its mentions work. Otherwise all of the text may be anybody's.
	Sorted bool
	// Data are those parts.
	Data []expr.Span
	// Blocks is the platform's own structured form, for the format blocks. In it a
	// string is the author's; an [expr.Marked] holds what came from elsewhere.
	Blocks []any
	// Ask has the message ask for a yes or a no, where the platform has buttons.
	Ask *Question
}

// Receipt is the platform's word that a message was taken.
type Receipt struct {
	// ID names the message on the platform, such as Slack's ts.
	ID string
	// Channel is the id of the conversation it went to.
	Channel string
}

// Messenger sends the answers of one Trigger. It is used by many goroutines at
// once.
type Messenger interface {
	// Send posts one message. Text may hold what users and models wrote: a
	// Messenger lets none of that alert anybody or look like anything but text.
	// Of a text that is not Sorted nothing may alert a whole channel. The
	// error is an [*Error]; Unavailable ones may be tried again, with the
	// risk of a second message when the first answer was lost.
	Send(ctx context.Context, to Target, text string) (Receipt, error)
}

// Settler is implemented by messengers of platforms with buttons.
type Settler interface {
	// Settle puts a question and what became of it in the place of the message
	// that asked it, whose buttons go. Text is as in Send; the outcome is
	// ours, and may name people as the platform has it.
	Settle(ctx context.Context, message Receipt, question, outcome string) error
}

// Reactor is implemented by messengers of platforms with reactions.
type Reactor interface {
	// React adds a reaction, by its name without colons, to a message. A
	// reaction that stands already is no error.
	React(ctx context.Context, message Receipt, name string) error
}

// Settings is what a platform is made from: one Trigger, with its references
// resolved.
type Settings struct {
	// Namespace and Name are those of the Trigger.
	Namespace, Name string
	// Config is spec.config with every ${VAR} replaced.
	Config map[string]any
	// Channels and Users are what further filters on this Trigger name
	// (bindings, flows), beside those in Config. A platform that has to ask
	// for a name asks only when one of them needs it.
	Channels, Users []string
	// HTTPClient makes the calls to the platform; it carries the time limits.
	HTTPClient *http.Client
	// BaseURL replaces the address of the platform's API; empty is the real one.
	BaseURL string
	// Clock is for connections, which nobody tells the time; nil is the real one.
	Clock clock.PassiveClock
}

// Platform is one kind of source.
type Platform struct {
	// Type is the value of a Trigger's spec.type, such as Slack.
	Type string
	// Aliases are further values that mean the same.
	Aliases []string
	// NewReceiver checks the settings and makes a Receiver without calling
	// anybody. Nil for a platform that takes no requests.
	NewReceiver func(Settings) (Receiver, error)
	// NewStream checks the settings and makes a Stream without calling anybody;
	// nil for a Trigger whose settings say that the platform calls us. Nil for a
	// platform without connections.
	NewStream func(Settings) (Stream, error)
	// NewMessenger checks the settings and makes a Messenger without calling
	// anybody. Nil for a platform without replies.
	NewMessenger func(Settings) (Messenger, error)
}
