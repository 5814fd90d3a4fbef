// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// steps is the service that every step of every run asks.
type steps struct {
	url    string // up to the number of the step
	server *http.Server
	client *http.Client
	taken  atomic.Int64

	mu  sync.Mutex
	ids map[string]string // of what is asked, by the name of the run
}

func newSteps(ctx context.Context) (*steps, error) {
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	s := &steps{
		url: "http://" + listener.Addr().String() + "/step/", ids: map[string]string{},
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.take), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }() // ends with close
	return s, nil
}

func listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", "127.0.0.1:0")
}

// take answers one step, and notes which run belongs to which request.
func (s *steps) take(w http.ResponseWriter, r *http.Request) {
	s.taken.Add(1)
	if name := r.FormValue("run"); name != "" {
		s.mu.Lock()
		s.ids[name] = r.FormValue("id")
		s.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true}`)
}

// idOf gives what a run was asked for with, once.
func (s *steps) idOf(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.ids[name]
	delete(s.ids, name)
	return id
}

// ask takes a step, as an activity.
func (s *steps) ask(ctx context.Context, step, id string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+step+"?id="+id, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("step %s: status %d", step, response.StatusCode)
	}
	return string(body), err
}

func (s *steps) count() int64 { return s.taken.Load() }

func (s *steps) close() { _ = s.server.Close() }
