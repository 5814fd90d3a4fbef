// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// AppToken is the app-level token that a Socket takes.
const AppToken = "xapp-fake-token"

// Socket is Slack's end of Socket Mode: it gives out the address of a WebSocket,
// sends envelopes over it and hears which of them are acknowledged.
type Socket struct {
	http *httptest.Server
	// Acks gets the id of every envelope that is acknowledged.
	Acks chan string

	mu     sync.Mutex
	sent   int
	opened int
	code   string
	conns  chan *websocket.Conn
	conn   *websocket.Conn
}

// NewSocket starts a Socket; it ends with the test.
func NewSocket(tb testing.TB) *Socket {
	tb.Helper()
	s, mux := UnstartedSocket(), http.NewServeMux()
	s.Handle(mux)
	s.http = httptest.NewServer(mux)
	tb.Cleanup(func() {
		s.Drop()
		s.http.Close()
	})
	return s
}

// UnstartedSocket makes a Socket that somebody else serves: it has no URL and no
// Client.
func UnstartedSocket() *Socket {
	return &Socket{Acks: make(chan string, 100), conns: make(chan *websocket.Conn, 10)}
}

// Handle adds the paths of a Socket to a server.
func (s *Socket) Handle(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/apps.connections.open", s.open)
	mux.HandleFunc("GET /socket", s.connect)
}

// URL is the address of the API.
func (s *Socket) URL() string { return s.http.URL + "/api/" }

// Client makes calls to the API.
func (s *Socket) Client() *http.Client { return s.http.Client() }

// Refuse has the API refuse connections with a code; an empty one ends that.
func (s *Socket) Refuse(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

// Opened is how often a connection was asked for.
func (s *Socket) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func (s *Socket) open(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	switch {
	case s.code != "":
		answer(w, failure(s.code))
	case r.Header.Get("Authorization") != "Bearer "+AppToken:
		answer(w, failure("invalid_auth"))
	default:
		answer(w, map[string]any{"ok": true, "url": "ws://" + r.Host + "/socket"})
	}
}

func (s *Socket) connect(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	if conn.WriteJSON(map[string]any{"type": "hello", "num_connections": 1}) != nil {
		return
	}
	s.conns <- conn
	for {
		var ack struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if conn.ReadJSON(&ack) != nil {
			return
		}
		s.Acks <- ack.EnvelopeID
	}
}

// Connected tells whether there is, or was, a connection to send on.
func (s *Socket) Connected() bool { return s.conn != nil || len(s.conns) > 0 }

// current is the newest connection; it waits for one.
func (s *Socket) current() *websocket.Conn {
	for s.conn == nil || len(s.conns) > 0 {
		s.conn = <-s.conns
	}
	return s.conn
}

// Send sends an envelope of a type, such as events_api, and gives its id. It waits
// for a connection. One goroutine of a test calls Send, Disconnect and Drop.
func (s *Socket) Send(kind string, payload []byte) string {
	s.sent++
	id := "envelope-" + strconv.Itoa(s.sent)
	_ = s.current().WriteJSON(map[string]any{
		"type": kind, "envelope_id": id, "payload": json.RawMessage(payload), "accepts_response_payload": false,
	})
	return id
}

// Disconnect asks for another connection, as Slack does every few hours.
func (s *Socket) Disconnect() {
	_ = s.current().WriteJSON(map[string]any{"type": "disconnect", "reason": "refresh_requested"})
	s.conn = nil
}

// Drop breaks the connection off, if there is one.
func (s *Socket) Drop() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}
