// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llm

import "context"

// MaxInputBytes bounds what one request may carry: the system text and all
// messages together.
const MaxInputBytes = 1 << 20

// MaxReplyBytes bounds the text of one reply. A provider that answers with
// more gets an error of kind Unavailable, not a cut text: half a JSON document
// is worth nothing.
const MaxReplyBytes = 1 << 20

// Provider is a source of model replies.
type Provider interface {
	// Generate asks the model for one reply. The error, when there is one, is
	// an *Error; when ctx ended the call, errors.Is finds ctx's own error in
	// it as well. A Provider is safe for concurrent use.
	Generate(ctx context.Context, req Request) (*Response, error)
}

// Request is one question to a model.
type Request struct {
	// Model is the model's name as the provider knows it, without the
	// provider's prefix: the second result of Opener.Open.
	Model string
	// System is the system text (an agent's instructions); empty sends none.
	System string
	// Messages is the conversation so far, oldest first. The last one is
	// usually the user's.
	Messages []Message
	// Temperature is the sampling temperature, 0 to 2; nil leaves it to the
	// provider.
	Temperature *float64
	// MaxTokens bounds the reply's length in tokens; 0 leaves it to the
	// provider.
	MaxTokens int
	// Agent names who asks. It is for scripts and records and is never sent
	// to a model.
	Agent string
	// Declared is the model reference that the agent's definition names, which
	// differs from Model when an override is in force. Never sent to a model.
	Declared string
}

// Role says who wrote a message.
type Role string

// The roles a conversation knows.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn of a conversation.
type Message struct {
	Role    Role
	Content string
}

// Response is a model's reply.
type Response struct {
	// Text is the reply's text.
	Text string
	// Usage is what the provider counted for this call.
	Usage Usage
	// StopReason says why the model stopped, in the provider's words ("stop",
	// "length").
	StopReason string
}

// Usage counts the tokens of one or more model calls.
type Usage struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
}

// Add returns the sum of both counts.
func (u Usage) Add(v Usage) Usage {
	return Usage{InputTokens: u.InputTokens + v.InputTokens, OutputTokens: u.OutputTokens + v.OutputTokens}
}

// InputBytes is the size of everything the request would send, the number that
// MaxInputBytes bounds.
func (r Request) InputBytes() int {
	n := len(r.System)
	for _, m := range r.Messages {
		n += len(m.Content)
	}
	return n
}

// LastUser returns the content of the last message of the user, or "".
func (r Request) LastUser() string {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == RoleUser {
			return r.Messages[i].Content
		}
	}
	return ""
}
