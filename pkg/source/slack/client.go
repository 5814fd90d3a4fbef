// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"aof.dev/operator/pkg/source"
)

const (
	// maxAnswer bounds an answer of the API.
	maxAnswer = 1 << 20
	// apiTimeout is the limit of calls when the composition set none.
	apiTimeout = 30 * time.Second
)

// newClient makes a client of the API.
func newClient(token string, s source.Settings, more ...slackapi.Option) *slackapi.Client {
	httpClient := s.HTTPClient
	if httpClient == nil {
		httpClient = &http.Client{Timeout: apiTimeout}
	}
	options := []slackapi.Option{slackapi.OptionHTTPClient(boundedClient{client: httpClient, token: token})}
	if s.BaseURL != "" {
		options = append(options, slackapi.OptionAPIURL(strings.TrimSuffix(s.BaseURL, "/")+"/"))
	}
	return slackapi.New(token, append(options, more...)...)
}

// boundedClient reads no more of an answer than we are prepared to hold. The
// library puts the token into the form only; in the header is where Slack, and
// what stands between us and Slack, look for it first.
type boundedClient struct {
	client *http.Client
	token  string
}

// Do makes one call.
func (c boundedClient) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.client.Do(req) //nolint:gosec // the address is the operator's, not the sender's
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// errorCode is how Slack names an error; anything else isn't shown.
var errorCode = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// kindOf sorts the errors that Slack names. Those that aren't listed say that
// what we asked for can't be done: the channel is unknown, the message too long.
func kindOf(code string) source.Kind {
	switch code {
	case "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission",
		"not_allowed_token_type", "access_denied", "org_login_required", "ekm_access_denied":
		return source.Unauthenticated
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		return source.Unavailable
	default:
		return source.Malformed
	}
}

// apiError says what became of a call. Only Slack's own code is shown: causes
// may hold addresses and what was sent.
func apiError(doing string, err error) *source.Error {
	var (
		limited *slackapi.RateLimitedError
		status  slackapi.StatusCodeError
		said    slackapi.SlackErrorResponse
	)
	e := &source.Error{Kind: source.Unavailable, Err: err}
	why := "Slack can't be reached"
	switch {
	case errors.As(err, &limited):
		why, e.RetryAfter = "Slack asks to wait (ratelimited)", max(0, limited.RetryAfter)
	case errors.As(err, &status):
		why = "Slack answered with status " + strconv.Itoa(status.Code)
		if status.Code < 500 && status.Code != http.StatusTooManyRequests {
			e.Kind = source.Malformed
		}
	case errors.As(err, &said):
		code := said.Err
		if !errorCode.MatchString(code) {
			code = "an error without a name"
		}
		why, e.Kind = "Slack said "+code, kindOf(said.Err)
	case errors.Is(err, context.DeadlineExceeded):
		why = "Slack didn't answer in time"
	case errors.Is(err, context.Canceled):
		why = "the call was given up"
	}
	e.Message = "slack: " + doing + ": " + why
	return e
}
