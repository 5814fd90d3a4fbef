// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	// Token is the bot token the server accepts unless it is told another.
	Token = "xoxb-fake-token"
	// Team is the workspace of the server and of the events made here.
	Team = "T0FAKETEAM"
	// BotUser is the user the token belongs to.
	BotUser = "U0FAKEBOT0"
	// App is the app the token belongs to.
	App = "A0FAKEAPP0"
)

// maxForm bounds what a caller may send.
const maxForm = 1 << 20

// Message is a message that was posted.
type Message struct {
	// Channel is the id of the channel, Thread its thread_ts.
	Channel, Thread string
	// Text is the text as it was sent.
	Text string
	// Blocks are the blocks as they were sent.
	Blocks []any
	// TS is the timestamp the server gave it.
	TS string
	// Edits is how often it was changed since; Text and Blocks are the newest.
	Edits int
}

// Reaction is a reaction that was added.
type Reaction struct {
	// Channel and TS name the message, Name the emoji.
	Channel, TS, Name string
}

// Server is a Slack: an http.Handler for its API, below /api/.
type Server struct {
	http     *httptest.Server
	token    string
	channels map[string]string
	users    map[string]string

	mu        sync.Mutex
	messages  []Message
	reactions []Reaction
	calls     map[string]int
	failures  map[string][]string
	// changed is closed and replaced whenever something happened.
	changed chan struct{}
}

// Option changes a Server before it starts.
type Option func(*Server)

// WithToken is another token to accept.
func WithToken(token string) Option { return func(s *Server) { s.token = token } }

// WithChannel adds a channel. A server without channels knows every channel,
// each under its id.
func WithChannel(id, name string) Option { return func(s *Server) { s.channels[id] = name } }

// WithUser adds a user. A server without users knows every user.
func WithUser(id, name string) Option { return func(s *Server) { s.users[id] = name } }

// New starts a Server. It is closed with its test.
func New(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	s := Unstarted(options...)
	s.http = httptest.NewServer(s)
	tb.Cleanup(s.http.Close)
	return s
}

// Unstarted makes a Server that somebody else serves: it has no URL and no Client.
func Unstarted(options ...Option) *Server {
	s := &Server{
		token: Token, channels: map[string]string{}, users: map[string]string{},
		calls: map[string]int{}, failures: map[string][]string{}, changed: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	return s
}

// URL is the address of the API, in the place of https://slack.com/api/.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// Client makes calls to the server.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Messages are the messages that were posted, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Reactions are the reactions that were added, oldest first.
func (s *Server) Reactions() []Reaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reactions)
}

// Calls is how often a method was called, with whatever result.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// FailNext makes one more of the coming calls of a method, such as
// chat.postMessage, fail. A code of three digits is an HTTP status, ratelimited
// is answered as Slack does (429, Retry-After), anything else is the error that
// Slack names.
func (s *Server) FailNext(method, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[method] = append(s.failures[method], code)
}

// WaitMessages waits until n messages were posted and returns all there are. The
// error is the context's.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		messages, changed := slices.Clone(s.messages), s.changed
		s.mu.Unlock()
		if len(messages) >= n {
			return messages, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return messages, fmt.Errorf("%d of %d messages were posted: %w", len(messages), n, context.Cause(ctx))
		}
	}
}

// ServeHTTP answers one call of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		answer(w, failure("invalid_form_data"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		close(s.changed)
		s.changed = make(chan struct{})
	}()
	method := path.Base(r.URL.Path)
	s.calls[method]++
	if code, ok := s.nextFailure(method); ok {
		fail(w, code)
		return
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = r.PostForm.Get("token") // Slack takes it there as well
	}
	switch token {
	case s.token:
		answer(w, s.call(method, r.Form.Get))
	case "":
		answer(w, failure("not_authed"))
	default:
		answer(w, failure("invalid_auth"))
	}
}

func (s *Server) nextFailure(method string) (string, bool) {
	queue := s.failures[method]
	if len(queue) == 0 {
		return "", false
	}
	s.failures[method] = queue[1:]
	return queue[0], true
}

func (s *Server) call(method string, arg func(string) string) map[string]any {
	switch method {
	case "auth.test":
		return map[string]any{"ok": true, "team_id": Team, "user_id": BotUser, "bot_id": "B0FAKEBOT0", "app_id": App}
	case "chat.postMessage":
		return s.post(arg)
	case "chat.update":
		return s.update(arg)
	case "conversations.info":
		name, ok := lookUp(s.channels, arg("channel"))
		if !ok {
			return failure("channel_not_found")
		}
		return map[string]any{"ok": true, "channel": map[string]any{"id": arg("channel"), "name": name, "is_channel": true}}
	case "users.info":
		name, ok := lookUp(s.users, arg("user"))
		if !ok {
			return failure("user_not_found")
		}
		return map[string]any{"ok": true, "user": map[string]any{"id": arg("user"), "name": name, "team_id": Team}}
	case "reactions.add":
		return s.react(Reaction{Channel: arg("channel"), TS: arg("timestamp"), Name: arg("name")})
	default:
		return failure("unknown_method")
	}
}

func (s *Server) post(arg func(string) string) map[string]any {
	m := Message{Channel: s.channelID(arg("channel")), Thread: arg("thread_ts"), Text: arg("text")}
	if b := arg("blocks"); b != "" {
		if json.Unmarshal([]byte(b), &m.Blocks) != nil {
			return failure("invalid_blocks")
		}
	}
	switch {
	case m.Channel == "":
		return failure("channel_not_found")
	case m.Text == "" && len(m.Blocks) == 0:
		return failure("no_text")
	}
	m.TS = fmt.Sprintf("1800000000.%06d", len(s.messages)+1)
	s.messages = append(s.messages, m)
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"text": m.Text, "ts": m.TS}}
}

// update changes a message, as its author may. It is found by the id of its
// channel only: Slack takes no name there.
func (s *Server) update(arg func(string) string) map[string]any {
	for i := range s.messages {
		m := &s.messages[i]
		if m.Channel != arg("channel") || m.TS != arg("ts") {
			continue
		}
		blocks := m.Blocks // which stay unless others are given
		if b := arg("blocks"); b != "" {
			blocks = nil
			if json.Unmarshal([]byte(b), &blocks) != nil {
				return failure("invalid_blocks")
			}
		}
		if arg("text") == "" && len(blocks) == 0 {
			return failure("no_text")
		}
		m.Text, m.Blocks, m.Edits = arg("text"), blocks, m.Edits+1
		return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text}
	}
	return failure("message_not_found")
}

func (s *Server) react(r Reaction) map[string]any {
	if slices.Contains(s.reactions, r) {
		return failure("already_reacted")
	}
	s.reactions = append(s.reactions, r)
	return map[string]any{"ok": true}
}

// channelID finds a channel by its id or its name; empty when there is none.
func (s *Server) channelID(given string) string {
	if _, ok := lookUp(s.channels, given); ok {
		return given
	}
	for id, name := range s.channels {
		if name == strings.TrimPrefix(given, "#") {
			return id
		}
	}
	return ""
}

func lookUp(known map[string]string, id string) (string, bool) {
	if len(known) == 0 {
		return strings.ToLower(id), id != ""
	}
	name, ok := known[id]
	return name, ok
}

func failure(code string) map[string]any { return map[string]any{"ok": false, "error": code} }

func fail(w http.ResponseWriter, code string) {
	status, err := strconv.Atoi(code)
	switch {
	case err == nil && len(code) == 3:
		http.Error(w, "<html>it is broken</html>", status)
	case code == "ratelimited":
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_ = json.NewEncoder(w).Encode(failure(code))
	default:
		answer(w, failure(code))
	}
}

func answer(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}
