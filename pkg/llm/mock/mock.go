// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package mock

import (
	"context"
	"path"
	"strings"
	"sync"

	"aof.dev/operator/pkg/llm"
)

// Name is the provider's name in model references.
const Name = "mock"

// maxEcho bounds what the echo model repeats, in bytes.
const maxEcho = 200

// Builder gives the mock provider to an llm.Opener.
func Builder() llm.Builder {
	return llm.Builder{Name: Name, Build: func(o llm.Options, model string) (llm.Provider, error) {
		switch ext := path.Ext(model); {
		case model == "echo":
			return Echo{}, nil
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			s, err := ReadScript(o.Scripts, model)
			if err != nil {
				return nil, llm.NewError(llm.BadRequest, Name, "script %s: %v", llm.Shorten(model, 120), err)
			}
			return New(model, s), nil
		}
		return nil, llm.NewError(llm.BadRequest, Name, "there is no mock model %q; use mock:echo or mock:<path>.yaml", llm.Shorten(model, 120))
	}}
}

// Echo is the model "mock:echo".
type Echo struct{}

var _ llm.Provider = Echo{}

// Generate replies "echo: " and the last user message in one line, cut at 200
// bytes.
func (Echo) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	if err := check(ctx, req); err != nil {
		return nil, err
	}
	text := "echo: " + llm.Shorten(strings.Join(strings.Fields(req.LastUser()), " "), maxEcho)
	return &llm.Response{Text: text, Usage: usage(req, text), StopReason: "stop"}, nil
}

// Scripted answers from a Script. It counts what its rules have answered and is
// safe for concurrent use.
type Scripted struct {
	name   string
	script *Script

	mu   sync.Mutex
	used []int
}

var _ llm.Provider = (*Scripted)(nil)

// New returns a provider that answers from s, a script that ParseScript or
// ReadScript made; name is for error messages.
func New(name string, s *Script) *Scripted {
	return &Scripted{name: name, script: s, used: make([]int, len(s.Rules))}
}

// Generate answers with the first rule that matches.
func (s *Scripted) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	if err := check(ctx, req); err != nil {
		return nil, err
	}
	rule := s.pick(req)
	switch {
	case rule == nil:
		return nil, llm.NewError(llm.BadRequest, Name, "script %s has no rule left for agent %q (%d rules looked at, no default)",
			llm.Shorten(s.name, 120), llm.Shorten(req.Agent, 80), len(s.script.Rules))
	case rule.Hang:
		<-ctx.Done()
		return nil, llm.ContextError(Name, ctx.Err())
	case rule.Error != nil:
		return nil, rule.Error.err()
	}
	resp := &llm.Response{Text: rule.text, Usage: usage(req, rule.text), StopReason: "stop"}
	if rule.Usage != nil {
		resp.Usage = llm.Usage(*rule.Usage)
	}
	if rule.StopReason != "" {
		resp.StopReason = rule.StopReason
	}
	return resp, nil
}

// pick chooses the rule that answers and counts it.
func (s *Scripted) pick(req llm.Request) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.script.Rules {
		r := &s.script.Rules[i]
		if (r.Times == 0 || s.used[i] < r.Times) && r.matches(req) {
			s.used[i]++
			return r
		}
	}
	return s.script.Default
}

func (f *Failure) err() error {
	message := f.Message
	if message == "" {
		message = "scripted error"
	}
	e := llm.NewError(f.kind, Name, "%s", message)
	if f.Retryable != nil {
		e.Retryable = *f.Retryable
	}
	return e
}

// check refuses what every provider refuses.
func check(ctx context.Context, req llm.Request) error {
	if err := ctx.Err(); err != nil {
		return llm.ContextError(Name, err)
	}
	if n := req.InputBytes(); n > llm.MaxInputBytes {
		return llm.NewError(llm.BadRequest, Name, "the request is %d bytes, the limit is %d", n, llm.MaxInputBytes)
	}
	if len(req.Messages) == 0 {
		return llm.NewError(llm.BadRequest, Name, "the request has no messages")
	}
	return nil
}

// usage counts a token per four bytes, rounded up.
func usage(req llm.Request, reply string) llm.Usage {
	const perToken = 4
	return llm.Usage{
		InputTokens:  int64(req.InputBytes()+perToken-1) / perToken,
		OutputTokens: int64(len(reply)+perToken-1) / perToken,
	}
}
