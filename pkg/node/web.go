// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// maxBody is the number of bytes read of an answer.
	maxBody = 1 << 20
	// maxRedirects is how often an answer may send us elsewhere.
	maxRedirects = 5
	// maxHeaders and maxHeader bound what the output says of an answer's headers.
	maxHeaders = 100
	maxHeader  = 8 << 10
	// defaultRequestTime is for nodes that do not say how long.
	defaultRequestTime = 30 * time.Second
)

// web sends requests for HTTP nodes and for the http tool.
type web struct {
	client http.Client
}

func newWeb(client *http.Client) *web {
	w := &web{}
	if client != nil {
		w.client = *client
	}
	w.client.CheckRedirect = checkRedirect
	return w
}

// checkRedirect follows a few redirects, within http and https. What the node
// set as headers (tokens, keys) stays with the origin that it was meant for.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if next.URL.Scheme != "http" && next.URL.Scheme != "https" {
		return errors.New("redirected to something that is not http")
	}
	if next.URL.Scheme != via[0].URL.Scheme || next.URL.Host != via[0].URL.Host {
		for name := range next.Header {
			if name != "Accept" && name != "Content-Type" && name != "User-Agent" {
				next.Header.Del(name)
			}
		}
	}
	return nil
}

// answer is what came back, in the form of an output.
type answer struct {
	asked  string // method and host
	status int
	output map[string]any
}

// send renders a request from settings and sends it. A status of 400 or above
// is an answer like others; check has the error for it.
func (w *web) send(ctx context.Context, s settings, method string, timeout time.Duration) (answer, error) {
	ctx2, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := s.request(ctx2, method)
	if err != nil {
		return answer{}, err
	}
	return w.do(ctx, s.renderer, req)
}

// do sends a request that the gate lets through. Its own context ends in time.
func (w *web) do(ctx context.Context, r *renderer, req *http.Request) (answer, error) {
	if err := r.permitRequest(req); err != nil {
		return answer{}, err
	}
	ctx2 := req.Context()
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, requestError(ctx, ctx2, req, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written; what was read is judged by itself
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{}, requestError(ctx, ctx2, req, err)
	}
	return answer{asked: req.Method + " " + req.URL.Host, status: resp.StatusCode, output: describe(resp, body)}, nil
}

// request renders a request. Everything in it that came from outside is a value
// in its place: no value adds a header or leads to another path.
func (s settings) request(ctx context.Context, method string) (*http.Request, error) {
	raw, _ := s.values["url"].(string)
	target, err := s.address(raw)
	if err != nil {
		return nil, err
	}
	headers, host, err := s.headers()
	if err != nil {
		return nil, err
	}
	content, _ := s.first("body", "data", "json")
	body, contentType, err := s.body(content, headers.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "the request makes no sense")
	}
	req.Header, req.Host = headers, host
	if body != nil && contentType != "" {
		headers.Set("Content-Type", contentType)
	}
	if headers.Get("User-Agent") == "" {
		headers.Set("User-Agent", "aof")
	}
	return req, nil
}

// headers renders the headers. Those that frame the message are not the node's
// to set.
func (s settings) headers() (headers http.Header, host string, err error) {
	values, err := s.texts("headers")
	if err != nil {
		return nil, "", err
	}
	headers = http.Header{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if !isToken(name) {
			return nil, "", fail(ReasonInvalidConfig, "headers: %s can't be the name of a header", quote(name))
		}
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return nil, "", fail(ReasonRefused, "headers.%s: holds a line break or another control character", bound(name, 80))
		}
		switch strings.ToLower(name) {
		case "host":
			host = value
		case "content-length", "transfer-encoding", "connection", "trailer", "upgrade", "te":
			return nil, "", fail(ReasonInvalidConfig, "headers: %s is not for a node to set", name)
		default:
			headers.Set(name, value)
		}
	}
	return headers, host, nil
}

func isToken(name string) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) {
			return false
		}
	}
	return name != "" && len(name) <= 256
}

// requestMethod reads the name of a method.
func requestMethod(name string) (string, error) {
	method := strings.ToUpper(orElse(name, http.MethodGet))
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method, nil
	default:
		return "", fail(ReasonInvalidConfig, "method: %s is not one that can be sent", quote(name))
	}
}

// requestError says why there was no answer. It names the host and nothing else
// of the URL.
func requestError(parent, own context.Context, req *http.Request, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if errors.Is(own.Err(), context.DeadlineExceeded) {
		return fail(ReasonTimeout, "%s %s did not answer in time", req.Method, req.URL.Host).because(own.Err()).retryable(true)
	}
	failure := foreign(parent, ReasonRequest, true, err)
	return at(req.Method+" "+req.URL.Host, failure)
}

// describe is an answer as output.
func describe(resp *http.Response, body []byte) map[string]any {
	truncated := len(body) > maxBody
	if truncated {
		body = body[:maxBody]
	}
	headers := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		if len(headers) == maxHeaders {
			break
		}
		headers[strings.ToLower(name)] = bound(strings.Join(resp.Header[name], ", "), maxHeader)
	}
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	output := map[string]any{"status": resp.StatusCode, "headers": headers, "body": text, "output": text, "json": nil}
	if truncated {
		output["truncated"] = true
	} else if v, err := decodeJSON(body); err == nil {
		output["json"] = v
		switch v.(type) {
		case map[string]any, []any:
			output["output"] = v
		}
	}
	return output
}

// check has the error for an answer that says no.
func (a answer) check() error {
	if a.status < http.StatusBadRequest {
		return nil
	}
	text, _ := a.output["body"].(string)
	again := a.status >= http.StatusInternalServerError
	switch a.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		again = true
	}
	return fail(ReasonStatus, "%s was answered with status %d%s", a.asked, a.status, remark(bound(text, 300))).retryable(again)
}
