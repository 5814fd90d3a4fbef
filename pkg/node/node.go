// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"time"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// Run says which run a node belongs to and where its event came from.
type Run struct {
	Namespace, Name        string
	Flow, Binding, Trigger string
	// Platform, Channel and Thread are where the event came from, and so where
	// a reply goes unless the node says otherwise. Empty when there is no such
	// place, as for a webhook.
	Platform, Channel, Thread string
}

// Request is one attempt of one node.
type Request struct {
	// Node is the compiled node: known configuration keys are in snake_case.
	Node flow.Node
	// Scope finds what ${…} names, secrets included.
	Scope expr.Resolver
	// Env is what a script finds in its environment: the Context's, then the
	// flow's variables and what earlier nodes exported. No secrets.
	Env map[string]string
	// Attempt counts from 1.
	Attempt int
	Run     Run
	// Approval is what the Context says about approvals.
	Approval Approval
	// Gate, when set, is asked before a command or a request with an effect.
	Gate Gate
}

// Approval says who decides, where the node itself says nothing.
type Approval struct {
	AllowedUsers []string
	MinApprovers int
	AllowSelf    bool
	// Timeout is how long they have; 0 is the node's default.
	Timeout time.Duration
}

// Action is what a node is about to do, completely resolved.
type Action struct {
	// Text is the command line or the request as people would write it.
	Text string
	// Fingerprint tells it from every other action: all that its effect depends on.
	Fingerprint string
	// ReadOnly says that it can't change anything.
	ReadOnly bool
}

// Gate says whether an action may be done: neither wait nor error when it may.
// With a wait people are to be asked first; the node is executed again when they
// have agreed.
type Gate func(a Action) (*flow.Wait, error)

// Result is what came of an attempt that did not fail.
type Result struct {
	// Output is anything encoding/json can write.
	Output any
	// Exports are variables for the nodes that follow.
	Exports map[string]string
	// Usage is what models cost.
	Usage flow.Usage
	// Wait, when set, says that the node has not finished but waits.
	Wait *flow.Wait
}

// Executor carries out one kind of node. It is used by many goroutines at once.
// Its error is an *Error, or the context's.
type Executor interface {
	Execute(ctx context.Context, req Request) (Result, error)
}

// Executors finds the executor of a kind.
type Executors map[flow.Kind]Executor

// Message is one message to people.
type Message struct {
	// Platform is the lower-case name of the platform; empty means where the
	// event came from.
	Platform string
	// Channel and Thread are where it goes; Thread may be empty.
	Channel, Thread string
	// Text is what it says. It may hold what users and models wrote.
	Text string
	// Sorted says that Data tells which parts of Text are values; what is between
	// them the author of the flow wrote. Otherwise nobody knows, and all may be.
	Sorted bool
	// Data are the parts of Text that values gave.
	Data []expr.Span
	// Format is text, markdown or blocks; empty is markdown.
	Format string
	// Blocks is the platform's structured form, for the format blocks. A text in it
	// is the author's when it is a string; a value, or a text that holds some, is
	// an [expr.Marked].
	Blocks []any
	// Ask, when set, is the question that the message puts. Platforms with buttons
	// show a yes and a no.
	Ask *Ask
}

// Ask is a question to people, and what their answer must carry.
type Ask struct {
	Namespace, Run, Node, Digest string
}

// Receipt is a platform's word that it took a message.
type Receipt struct {
	ID, Channel string
}

// ErrNowhere is what a Messenger returns when the platform takes no messages at
// all, as a webhook's: the message is then recorded and not sent.
var ErrNowhere = errors.New("the platform takes no messages")

// Messenger sends messages for the run's Trigger.
type Messenger interface {
	Send(ctx context.Context, run Run, m Message) (Receipt, error)
}

// AgentCall asks for one turn of an agent or of a fleet.
type AgentCall struct {
	// Agent or Fleet is the name the node gives; at most one is set.
	Agent, Fleet string
	// Inline is the agent defined in the node itself.
	Inline map[string]any
	// Input is the rendered question, its context appended.
	Input string
}

// AgentAnswer is what came of it. Output is the node's output as it is.
type AgentAnswer struct {
	Output map[string]any
	Usage  flow.Usage
}

// Agents runs agents and fleets.
type Agents interface {
	Ask(ctx context.Context, run Run, call AgentCall) (AgentAnswer, error)
}

// Error is why an attempt failed.
type Error struct {
	// Reason is a short constant in CamelCase.
	Reason string
	// Message is for people: bounded, without secrets.
	Message string
	// Retryable says that another attempt may go better.
	Retryable bool
	// Err is the cause, if there is one to look into.
	Err error
}

// Error gives reason and message.
func (e *Error) Error() string { return e.Reason + ": " + e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
