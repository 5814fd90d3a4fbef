// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package openai

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"aof.dev/operator/pkg/llm"
)

// maxBody bounds an HTTP reply: the text in JSON escapes and what stands around.
const maxBody = 8 * llm.MaxReplyBytes

var errTooLarge = errors.New("reply too large")

// answer watches the attempts of one call: the SDK loses the status of an error
// whose body is not its JSON, and reads bodies without bound.
type answer struct {
	status int // of the last attempt; 0 when nothing came back
}

func (a *answer) watch(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	a.status = 0
	resp, err := next(req)
	if resp == nil {
		return resp, err
	}
	a.status = resp.StatusCode
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
	return resp, err
}

// redirected tells whether the last answer sent us elsewhere.
func (a *answer) redirected() bool {
	return a.status >= http.StatusMultipleChoices && a.status < http.StatusBadRequest
}

// boundedBody fails a body that is longer than left.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// fail translates an error of the SDK. Only the provider's own message, without
// the key, is taken over: other errors can hold URLs or whole bodies.
func (p *Provider) fail(ctx context.Context, err error, seen *answer) error {
	name := p.config.Name
	if ctx.Err() != nil {
		return llm.ContextError(name, ctx.Err())
	}
	var api *sdk.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return llm.ContextError(name, context.DeadlineExceeded)
	case seen.redirected():
		return llm.NewError(llm.BadRequest, name, "the service answered with a redirect (HTTP %d), which is not followed; check the base URL", seen.status)
	case errors.Is(err, errTooLarge):
		return llm.NewError(llm.Unavailable, name, "the reply is larger than %d bytes", maxBody)
	case errors.As(err, &api):
		return p.statusError(api.StatusCode, api.Code, api.Message)
	case seen.status >= http.StatusBadRequest:
		return p.statusError(seen.status, "", "")
	case seen.status != 0:
		return llm.NewError(llm.Unavailable, name, "the service's answer (HTTP %d) is not a chat completion", seen.status)
	}
	return llm.NewError(llm.Unavailable, name, "the service can't be reached%s", reason(err))
}

// reason says why a connection failed, in the words of package net, which name
// the host at most.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return ": " + op.Error()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return ": " + dns.Error()
	}
	return ""
}

// statusError sorts an HTTP error.
func (p *Provider) statusError(status int, code, message string) error {
	name := p.config.Name
	message = p.clean(message)
	switch {
	case code == "content_filter" || code == "content_policy_violation":
		return llm.NewError(llm.ContentFilter, name, "HTTP %d%s", status, message)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// What the service says about a key may quote parts of it.
		return llm.NewError(llm.Auth, name, "HTTP %d: the service refused the key; check %s", status, p.config.KeyEnv)
	case status == http.StatusTooManyRequests:
		e := llm.NewError(llm.RateLimit, name, "HTTP %d%s", status, message)
		e.Retryable = code != "insufficient_quota"
		return e
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		return llm.NewError(llm.Timeout, name, "HTTP %d%s", status, message)
	case status == http.StatusServiceUnavailable || status == statusOverloaded:
		return llm.NewError(llm.Overloaded, name, "HTTP %d%s", status, message)
	case status >= http.StatusInternalServerError || status == http.StatusConflict:
		return llm.NewError(llm.Unavailable, name, "HTTP %d%s", status, message)
	}
	return llm.NewError(llm.BadRequest, name, "HTTP %d%s", status, message)
}

// statusOverloaded is used by services that are out of capacity.
const statusOverloaded = 529

func (p *Provider) clean(message string) string {
	if message == "" {
		return ""
	}
	return ": " + llm.Shorten(strings.ReplaceAll(message, p.config.Key, "[key]"), llm.MaxMessageBytes/2)
}
