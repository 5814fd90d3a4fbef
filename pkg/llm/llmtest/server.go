// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"aof.dev/operator/pkg/llm"
)

// maxRequest bounds what the fake reads of one request.
const maxRequest = 4 << 20

// Call is one request as the fake service got it.
type Call struct {
	Model       string
	Messages    []Message
	Temperature *float64
	// MaxTokens is max_tokens or max_completion_tokens, whichever was sent.
	MaxTokens int
}

// Message is one message on the wire.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Answer is what the fake service does with one request.
type Answer struct {
	// Status is the HTTP status; 0 is 200.
	Status int
	// Header is added to the reply.
	Header map[string]string
	// Body is the reply's body.
	Body string
	// Hang keeps the request until its caller gives up.
	Hang bool
}

// Text answers with a completion.
func Text(text string, usage llm.Usage) Answer {
	return completion(text, "stop", usage)
}

// Filtered answers with a completion that the content filter cut.
func Filtered() Answer {
	return completion("", "content_filter", llm.Usage{InputTokens: 1})
}

// Fail answers with an error in OpenAI's form. A client that retries may do so
// at once.
func Fail(status int, code, message string) Answer {
	body := jsonText(map[string]any{"error": map[string]any{"message": message, "type": "error", "param": nil, "code": code}})
	return Answer{Status: status, Body: body, Header: map[string]string{"Retry-After": "0"}}
}

// Malformed answers 200 with a body that is no JSON document.
func Malformed() Answer { return Answer{Body: `{"choices": [`} }

// Hang never answers.
func Hang() Answer { return Answer{Hang: true} }

func completion(text, finish string, usage llm.Usage) Answer {
	return Answer{Body: jsonText(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "fake",
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": finish,
			"message": map[string]any{"role": "assistant", "content": text, "refusal": nil},
		}},
		"usage": map[string]any{
			"prompt_tokens": usage.InputTokens, "completion_tokens": usage.OutputTokens,
			"total_tokens": usage.InputTokens + usage.OutputTokens,
		},
	})}
}

func jsonText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("marshal a literal: %v", err))
	}
	return string(data)
}

// Server is the fake service. What it gets is checked: a request that a real
// service would not take fails the test.
type Server struct {
	// URL is the base URL to give to the provider.
	URL string
	// Key is the bearer token it wants.
	Key string

	tb      testing.TB
	mu      sync.Mutex
	answers []Answer
	calls   []Call
}

// NewServer starts a fake service that gives the answers in turn, the last one
// for ever. It stops with the test.
func NewServer(tb testing.TB, answers ...Answer) *Server {
	tb.Helper()
	s := &Server{Key: "sk-test-0123456789", tb: tb, answers: answers}
	srv := httptest.NewServer(s)
	tb.Cleanup(srv.Close)
	s.URL = srv.URL + "/v1"
	return s
}

// Calls returns the requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ServeHTTP serves POST /v1/chat/completions.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, err := s.read(r)
	if err != nil {
		s.tb.Errorf("fake model service: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+s.Key {
		write(w, Fail(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+strings.TrimPrefix(got, "Bearer ")))
		return
	}
	answer := s.next(call)
	if answer.Hang {
		<-r.Context().Done()
		return
	}
	write(w, answer)
}

func write(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(max(a.Status, http.StatusOK))
	_, _ = io.WriteString(w, a.Body) // a client that hung up is no concern of ours
}

func (s *Server) next(c Call) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	if len(s.answers) == 0 {
		return Fail(http.StatusInternalServerError, "", "the test gave no answer")
	}
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return a
}

// read checks a request's form and returns what it says.
func (s *Server) read(r *http.Request) (Call, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" || r.URL.RawQuery != "" {
		return Call{}, fmt.Errorf("got %s %s, want POST /v1/chat/completions", r.Method, r.URL)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/json" {
		return Call{}, fmt.Errorf("content type is %q", ct)
	}
	var body struct {
		Model               string    `json:"model"`
		Messages            []Message `json:"messages"`
		Temperature         *float64  `json:"temperature"`
		MaxTokens           int       `json:"max_tokens"`
		MaxCompletionTokens int       `json:"max_completion_tokens"`
	}
	d := json.NewDecoder(io.LimitReader(r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return Call{}, fmt.Errorf("request body: %w", err)
	}
	if body.Model == "" || len(body.Messages) == 0 {
		return Call{}, fmt.Errorf("model %q and %d messages: both are needed", body.Model, len(body.Messages))
	}
	for i, m := range body.Messages {
		if m.Role != "system" && m.Role != "user" && m.Role != "assistant" {
			return Call{}, fmt.Errorf("messages[%d].role is %q", i, m.Role)
		}
	}
	return Call{
		Model: body.Model, Messages: body.Messages, Temperature: body.Temperature,
		MaxTokens: max(body.MaxTokens, body.MaxCompletionTokens),
	}, nil
}
