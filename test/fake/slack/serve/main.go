// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command serve is the fake Slack as a process, for tests whose product runs
// elsewhere: its API, its end of Socket Mode, and what people do in it.
//
//	/api/…            the Web API, as pkg test/fake/slack has it; the token is $SLACK_TOKEN
//	GET  /messages    the messages there are, channel= of one channel
//	POST /say         somebody writes text= in channel= at ts=
//	POST /press       user= presses the button action= under the message ts= of channel=, as it is now
//	POST /react       user= adds reaction= to the message ts= of channel=
//
// What people do is sent to url= with a signature made with secret=, and via= is
// the host to call instead of the URL's; without url= it goes over the socket. The
// answer's status is ours: 200 for an envelope that was acknowledged.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	fakeslack "aof.dev/operator/test/fake/slack"
)

// workspace is the one there is.
type workspace struct {
	api *fakeslack.Server

	mu     sync.Mutex // one after the other sends on the socket
	socket *fakeslack.Socket
}

func main() {
	w := &workspace{api: fakeslack.Unstarted(fakeslack.WithToken(os.Getenv("SLACK_TOKEN"))), socket: fakeslack.UnstartedSocket()}
	mux := http.NewServeMux()
	w.socket.Handle(mux)
	mux.Handle("POST /api/{method}", w.api)
	mux.HandleFunc("GET /messages", w.messages)
	mux.HandleFunc("POST /say", func(rw http.ResponseWriter, r *http.Request) {
		w.tell(rw, r, "events_api", fakeslack.MessageEvent(r.FormValue("channel"), r.FormValue("user"), r.FormValue("ts"), r.FormValue("text")))
	})
	mux.HandleFunc("POST /react", func(rw http.ResponseWriter, r *http.Request) {
		at := "1800000100." + time.Now().Format(".000000")[1:]
		w.tell(rw, r, "events_api", fakeslack.ReactionEvent(r.FormValue("channel"), r.FormValue("user"), r.FormValue("ts"), r.FormValue("reaction"), at))
	})
	mux.HandleFunc("POST /press", w.press)
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func (w *workspace) messages(rw http.ResponseWriter, r *http.Request) {
	found := []fakeslack.Message{}
	for _, m := range w.api.Messages() {
		if c := r.FormValue("channel"); c == "" || c == m.Channel {
			found = append(found, m)
		}
	}
	_ = json.NewEncoder(rw).Encode(found)
}

// press presses a button that is there; a message without it is 404. With
// value= it is a button that was there before.
func (w *workspace) press(rw http.ResponseWriter, r *http.Request) {
	channel, ts, user, action := r.FormValue("channel"), r.FormValue("ts"), r.FormValue("user"), r.FormValue("action")
	value := r.FormValue("value")
	if value == "" {
		value = w.button(channel, ts, action)
	}
	if value == "" {
		http.Error(rw, "the message has no such button", http.StatusNotFound)
		return
	}
	if r.FormValue("url") == "" {
		w.tell(rw, r, "interactive", fakeslack.PressPayload(channel, ts, user, action, value))
		return
	}
	w.tell(rw, r, "", fakeslack.Press(channel, ts, user, action, value))
}

// button is the value of a button under a message; empty when there is none.
func (w *workspace) button(channel, ts, action string) string {
	for _, m := range w.api.Messages() {
		if m.Channel != channel || m.TS != ts {
			continue
		}
		raw, _ := json.Marshal(m.Blocks)
		var blocks []struct {
			Elements []struct {
				ID    string `json:"action_id"`
				Value string `json:"value"`
			} `json:"elements"`
		}
		_ = json.Unmarshal(raw, &blocks)
		for _, b := range blocks {
			for _, e := range b.Elements {
				if e.ID == action {
					return e.Value
				}
			}
		}
	}
	return ""
}

// tell sends what happened to the product, and answers with what became of it.
func (w *workspace) tell(rw http.ResponseWriter, r *http.Request, envelope string, body []byte) {
	if r.FormValue("url") == "" {
		w.send(rw, r, envelope, body)
		return
	}
	status, answer, err := call(r, body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	rw.WriteHeader(status)
	_, _ = rw.Write(answer)
}

// send sends an envelope over the socket and waits until it is acknowledged.
func (w *workspace) send(rw http.ResponseWriter, r *http.Request, envelope string, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.socket.Connected() {
		http.Error(rw, "nobody has connected", http.StatusServiceUnavailable)
		return
	}
	id := w.socket.Send(envelope, body)
	late := time.After(10 * time.Second)
	for {
		select {
		case acknowledged := <-w.socket.Acks:
			if acknowledged == id {
				return
			}
		case <-r.Context().Done():
			return
		case <-late:
			http.Error(rw, "nobody acknowledged it", http.StatusGatewayTimeout)
			return
		}
	}
}

func call(r *http.Request, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.FormValue("url"), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = fakeslack.Header(r.FormValue("secret"), time.Now(), body)
	if via := r.FormValue("via"); via != "" {
		req.Host, req.URL.Host = req.URL.Host, via
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, errors.Join(err, resp.Body.Close())
}
