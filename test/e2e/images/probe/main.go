// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command probe is a test's hand inside the cluster: it keeps the events that are sent to it, and sends requests.
//
//	POST /              keep an event
//	GET  /events        the events so far
//	POST /send?url=     send the request on; the answer's status is in Probe-Status and must be want=, if given
//	                    via= is the host to call instead of the URL's, as a DNS entry for an ingress would have it
//	POST /load?url=&n=  send the request n times, c= at once; answers with the times it took
//	POST /effect/{key}  count a side effect, after= that long
//	GET  /effects       how often each was asked for
//	POST /v1/chat/completions   be a model of OpenAI's, which fails when it is asked to
//	GET  /calls         what the model was asked, and in which trace
//	GET  /dial?to=      connect, and say what happened
//	GET  /resolve?host= look a name up, and say what happened
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// event is what was received; its JSON is what the tests read.
type event struct {
	ID, Type, Source, Data string
	At                     time.Time
}

// call is one that the model got.
type call struct{ Traceparent, Text string }

type recorder struct {
	mu      sync.Mutex
	events  []event
	effects map[string]int
	calls   []call
}

func main() {
	r := &recorder{events: []event{}, effects: map[string]int{}}
	http.HandleFunc("POST /{$}", r.keep)
	http.HandleFunc("GET /events", r.list)
	http.HandleFunc("POST /effect/{key}", r.effect)
	http.HandleFunc("GET /effects", r.counts)
	http.HandleFunc("POST /v1/chat/completions", r.complete)
	http.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		_ = json.NewEncoder(w).Encode(r.calls)
	})
	http.HandleFunc("POST /send", send)
	http.HandleFunc("POST /load", load)
	http.HandleFunc("GET /dial", func(w http.ResponseWriter, r *http.Request) {
		conn, err := net.DialTimeout("tcp", r.FormValue("to"), 5*time.Second)
		if err == nil {
			conn.Close()
		}
		fmt.Fprint(w, err)
	})
	http.HandleFunc("GET /resolve", func(w http.ResponseWriter, r *http.Request) {
		_, err := net.DefaultResolver.LookupHost(r.Context(), r.FormValue("host"))
		fmt.Fprint(w, err)
	})
	log.Fatal(http.ListenAndServe(":8080", nil)) //nolint:gosec // a test image
}

func (r *recorder) keep(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := req.Header
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event{h.Get("Ce-Id"), h.Get("Ce-Type"), h.Get("Ce-Source"), string(body), time.Now()})
	w.WriteHeader(http.StatusAccepted)
}

func (r *recorder) list(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(w).Encode(r.events)
}

// effect counts before it waits: what a caller asked for has happened, whether or not it heard of it.
func (r *recorder) effect(w http.ResponseWriter, req *http.Request) {
	after, _ := time.ParseDuration(req.FormValue("after"))
	r.mu.Lock()
	r.effects[req.PathValue("key")]++
	r.mu.Unlock()
	select {
	case <-time.After(after):
	case <-req.Context().Done():
	}
	_, _ = io.WriteString(w, `{"done":true}`)
}

func (r *recorder) counts(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(w).Encode(r.effects)
}

// complete answers as a model does.
func (r *recorder) complete(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.calls = append(r.calls, call{req.Header.Get("Traceparent"), string(body)})
	r.mu.Unlock()
	if strings.Contains(string(body), "fail, please") {
		http.Error(w, `{"error":{"message":"as you wish"}}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","model":"any","choices":[{"index":0,"finish_reason":"stop",`+
		`"message":{"role":"assistant","content":"fine"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
}

// forward makes the request that a request to this program describes.
func forward(r *http.Request, body []byte) (*http.Response, error) {
	method := http.MethodGet
	if len(body) > 0 {
		method = http.MethodPost
	}
	out, err := http.NewRequestWithContext(r.Context(), method, r.FormValue("url"), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if via := r.FormValue("via"); via != "" {
		out.Host, out.URL.Host = out.URL.Host, via
	}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Ce-") || name == "Content-Type" || name == "X-Aof-Token" || name == "Idempotency-Key" || name == "Traceparent" {
			out.Header[name] = values
		}
	}
	return http.DefaultClient.Do(out)
}

func send(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	begin := time.Now()
	resp, err := forward(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if want := r.FormValue("want"); want != "" && want != strconv.Itoa(resp.StatusCode) {
		http.Error(w, fmt.Sprintf("got %d, want %s: %.500s", resp.StatusCode, want, answer), http.StatusBadGateway)
		return
	}
	w.Header().Set("Probe-Status", strconv.Itoa(resp.StatusCode))
	w.Header().Set("Probe-Begin", strconv.FormatInt(begin.UnixMilli(), 10))
	w.Header().Set("Probe-Took", time.Since(begin).String())
	w.Header().Set("Process-Started", resp.Header.Get("Process-Started"))
	_, _ = w.Write(answer)
}

func load(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	n, convErr := strconv.Atoi(r.FormValue("n"))
	if err != nil || convErr != nil {
		http.Error(w, "want a body and n", http.StatusBadRequest)
		return
	}
	at, _ := strconv.Atoi(r.FormValue("c"))
	prefix := r.Header.Get("Ce-Id")
	took := make([]time.Duration, n)
	failed := make(chan error, n)
	next := make(chan int)
	var senders sync.WaitGroup
	for range max(1, at) {
		senders.Go(func() {
			for i := range next {
				one := r.Clone(r.Context())
				one.Header.Set("Ce-Id", prefix+"-"+strconv.Itoa(i))
				begin := time.Now()
				if err := once(one, body); err != nil {
					failed <- err
				}
				took[i] = time.Since(begin)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	senders.Wait()
	if len(failed) > 0 {
		http.Error(w, fmt.Sprintf("%d of %d failed, one with: %v", len(failed), n, <-failed), http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(took)
}

// once sends the request and wants a success.
func once(r *http.Request, body []byte) error {
	resp, err := forward(r, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode >= http.StatusMultipleChoices {
		return errors.New(resp.Status)
	}
	return nil
}
