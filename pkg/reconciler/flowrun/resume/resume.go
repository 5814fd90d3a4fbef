// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/utils/clock"
)

const (
	// patience is how long an answer is waited for before it is taken that the
	// broker has the event.
	patience = 2 * time.Second
	// underWay bounds the requests that nobody has answered yet.
	underWay = 256
	// maxAnswer bounds how much of an answer is read.
	maxAnswer = 4 << 10
)

// ErrBusy is for a time at which too many requests have not been answered yet.
var ErrBusy = errors.New("too many events are on their way to brokers")

// Sender sends events to brokers. Make it with New.
type Sender struct {
	client  *http.Client
	clock   clock.Clock
	timeout func() time.Duration
	slots   chan struct{}
}

// New makes a Sender. Timeout bounds a request; it should be longer than a run
// may keep a broker waiting.
func New(clk clock.Clock, timeout func() time.Duration) *Sender {
	transport := &http.Transport{MaxIdleConnsPerHost: 16, MaxIdleConns: 64, IdleConnTimeout: 90 * time.Second}
	return &Sender{
		client: &http.Client{
			Transport: transport,
			// A broker that sends elsewhere is none.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		clock: clk, timeout: timeout, slots: make(chan struct{}, underWay),
	}
}

// Resume sends an event to the broker at that URL. It returns nil when the broker
// took it, or has not said that it did not.
func (s *Sender) Resume(ctx context.Context, broker string, e cloudevents.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return ErrBusy
	}
	answered := make(chan error, 1)
	go func() {
		defer func() { <-s.slots }()
		// Not the caller's context: it ends when the caller stops waiting.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout())
		defer cancel()
		answered <- s.post(ctx, broker, body)
	}()
	timer := s.clock.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-answered:
		return err
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sender) post(ctx context.Context, broker string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, broker, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("broker's address: %w", err)
	}
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection can be used again
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the broker answered %d", response.StatusCode)
	}
	return nil
}
