// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package openai

import (
	"context"
	"net/http"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"aof.dev/operator/pkg/llm"
)

// Bounds of one Generate.
const (
	// CallTimeout bounds each attempt.
	CallTimeout = 60 * time.Second
	// MaxRetries is how often a call that failed for a passing reason is made
	// again.
	MaxRetries = 2
	// MaxRetryDelay bounds the wait before a retry. A server that asks for
	// more gets none: the error goes to the caller, who can wait without
	// holding anything.
	MaxRetryDelay = 30 * time.Second
)

// Config is what a Provider needs.
type Config struct {
	// Name is the provider's name in errors.
	Name string
	// BaseURL is the API's root, for example https://api.openai.com/v1.
	BaseURL string
	// Key is sent as bearer token.
	Key string
	// KeyEnv names the variable that the key came from, for errors.
	KeyEnv string
	// HTTPClient makes the calls; nil is a client with default settings.
	HTTPClient *http.Client
	// CallTimeout and MaxRetries replace the constants of the same name; zero
	// keeps them, a negative MaxRetries means none.
	CallTimeout time.Duration
	MaxRetries  int
}

// Provider talks to one service. It is safe for concurrent use.
type Provider struct {
	config Config
	chat   sdk.ChatCompletionService
}

var _ llm.Provider = (*Provider)(nil)

// New returns a provider; nothing is sent before the first Generate.
func New(c Config) (*Provider, error) {
	if c.BaseURL == "" || c.Key == "" {
		return nil, llm.NewError(llm.BadRequest, c.Name, "a base URL and a key are needed")
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = CallTimeout
	}
	if c.MaxRetries == 0 {
		c.MaxRetries = MaxRetries
	}
	// The service is made alone, not through sdk.NewClient, because that one
	// adds what it finds in the process environment: keys, headers, another URL.
	chat := sdk.NewChatCompletionService(
		option.WithBaseURL(c.BaseURL),
		option.WithAPIKey(c.Key),
		option.WithHTTPClient(client(c.HTTPClient)),
		option.WithRequestTimeout(c.CallTimeout),
		option.WithMaxRetries(max(c.MaxRetries, 0)),
		option.WithMaxRetryDelay(MaxRetryDelay),
	)
	return &Provider{config: c, chat: chat}, nil
}

// client copies base so that it follows no redirects: a redirect could carry a
// prompt to somewhere nobody configured.
func client(base *http.Client) *http.Client {
	c := &http.Client{}
	if base != nil {
		*c = *base
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Generate sends one chat completion request.
func (p *Provider) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	if n := req.InputBytes(); n > llm.MaxInputBytes {
		return nil, llm.NewError(llm.BadRequest, p.config.Name, "the request is %d bytes, the limit is %d", n, llm.MaxInputBytes)
	}
	if len(req.Messages) == 0 {
		return nil, llm.NewError(llm.BadRequest, p.config.Name, "the request has no messages")
	}
	var seen answer
	completion, err := p.chat.New(ctx, p.params(req), option.WithMiddleware(seen.watch))
	if err != nil || seen.redirected() {
		return nil, p.fail(ctx, err, &seen)
	}
	return p.response(completion)
}

// params translates a request into the SDK's form.
func (p *Provider) params(req llm.Request) sdk.ChatCompletionNewParams {
	out := sdk.ChatCompletionNewParams{Model: req.Model}
	if req.System != "" {
		out.Messages = append(out.Messages, sdk.SystemMessage(req.System))
	}
	for _, m := range req.Messages {
		switch m.Role {
		case llm.RoleAssistant:
			out.Messages = append(out.Messages, sdk.AssistantMessage(m.Content))
		case llm.RoleUser:
			out.Messages = append(out.Messages, sdk.UserMessage(m.Content))
		}
	}
	if req.Temperature != nil {
		out.Temperature = sdk.Float(*req.Temperature)
	}
	switch limit := int64(req.MaxTokens); {
	case limit <= 0:
	case p.config.Name == nameOpenAI:
		// OpenAI's newer models refuse max_tokens.
		out.MaxCompletionTokens = sdk.Int(limit)
	default:
		out.MaxTokens = sdk.Int(limit)
	}
	return out
}

// response translates a completion and refuses what is no reply.
func (p *Provider) response(c *sdk.ChatCompletion) (*llm.Response, error) {
	if len(c.Choices) == 0 {
		return nil, llm.NewError(llm.Unavailable, p.config.Name, "the reply has no choices")
	}
	choice := c.Choices[0]
	if choice.FinishReason == "content_filter" {
		return nil, llm.NewError(llm.ContentFilter, p.config.Name, "the provider's content filter stopped the reply")
	}
	if choice.Message.Refusal != "" {
		return nil, llm.NewError(llm.ContentFilter, p.config.Name, "the model refused: %s", choice.Message.Refusal)
	}
	if len(choice.Message.Content) > llm.MaxReplyBytes {
		return nil, llm.NewError(llm.Unavailable, p.config.Name, "the reply is %d bytes, the limit is %d", len(choice.Message.Content), llm.MaxReplyBytes)
	}
	return &llm.Response{
		Text:       choice.Message.Content,
		Usage:      llm.Usage{InputTokens: c.Usage.PromptTokens, OutputTokens: c.Usage.CompletionTokens},
		StopReason: choice.FinishReason,
	}, nil
}
