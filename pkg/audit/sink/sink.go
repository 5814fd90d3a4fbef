// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/audit"
)

// Sinks delivers to all sinks. Stdout, HTTPClient and Clock must be set; it must
// not be copied once it is used.
type Sinks struct {
	// Stdout is what the sink stdout writes to.
	Stdout io.Writer
	// HTTPClient makes the requests to webhooks.
	HTTPClient *http.Client
	Clock      clock.PassiveClock

	writing sync.Mutex // of Stdout
	mu      sync.Mutex
	down    map[string]outage // by URL
}

// outage is how a webhook failed last.
type outage struct {
	until time.Time
	err   error
}

// Bounds of requests to webhooks.
const (
	// requestTimeout bounds one request.
	requestTimeout = 5 * time.Second
	// cooldown is how long a webhook that failed is left alone.
	cooldown = 4 * time.Second
	// A request carries at most that many records, and bytes of them.
	maxRecords, maxBytes = 100, 256 << 10
	// maxAnswer bounds how much of an answer is read.
	maxAnswer = 4 << 10
	// maxDown bounds how many outages are remembered.
	maxDown = 256
)

// Deliver delivers lines in their order, and returns how many from the beginning
// were delivered. The error says why not all, without what may be a secret.
func (s *Sinks) Deliver(ctx context.Context, target audit.Target, lines []string) (int, error) {
	switch target.Sink {
	case "stdout":
		return s.stdout(lines)
	case "file":
		return file(target.Path, lines)
	case "webhook":
		return s.webhook(ctx, target, lines)
	default:
		return 0, fmt.Errorf("there is no audit sink %.20q", target.Sink)
	}
}

func (s *Sinks) stdout(lines []string) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	for i, line := range lines {
		if _, err := io.WriteString(s.Stdout, line+"\n"); err != nil {
			return i, fmt.Errorf("write to stdout: %w", err)
		}
	}
	return len(lines), nil
}

// file adds lines to a file: each with one write, so that processes that share
// the file don't cut into each other's lines.
func file(path string, lines []string) (n int, err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, fmt.Errorf("open the audit file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, errors.New("the audit file is no regular file")
	}
	if torn(f, info.Size()) { // a write that was cut off ends here
		if _, err := f.WriteString("\n"); err != nil {
			return 0, fmt.Errorf("write to the audit file: %w", err)
		}
	}
	for i, line := range lines {
		if _, err := f.WriteString(line + "\n"); err != nil {
			return i, fmt.Errorf("write to the audit file: %w", err)
		}
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("sync the audit file: %w", err)
	}
	return len(lines), nil
}

// torn says whether a file ends within a line.
func torn(f *os.File, size int64) bool {
	last := make([]byte, 1)
	_, err := f.ReadAt(last, max(0, size-1))
	return err == nil && last[0] != '\n'
}

func (s *Sinks) webhook(ctx context.Context, target audit.Target, lines []string) (n int, err error) {
	if err := s.downSince(target.URL); err != nil {
		return 0, err
	}
	for n < len(lines) {
		batch, size := 0, 0
		for n+batch < len(lines) && batch < maxRecords && (batch == 0 || size+len(lines[n+batch]) < maxBytes) {
			size += len(lines[n+batch]) + 1
			batch++
		}
		if err := s.post(ctx, target, lines[n:n+batch]); err != nil {
			if ctx.Err() == nil {
				s.failed(target.URL, err)
			}
			return n, err
		}
		n += batch
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.down, target.URL)
	return n, nil
}

func (s *Sinks) downSince(url string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.down[url]; ok && s.Clock.Now().Before(o.until) {
		return o.err
	}
	return nil
}

func (s *Sinks) failed(url string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.down = map[string]outage{}
	}
	for other := range s.down {
		if len(s.down) < maxDown {
			break
		}
		delete(s.down, other)
	}
	s.down[url] = outage{until: s.Clock.Now().Add(cooldown), err: err}
}

// post sends one batch. Only a 2xx says that it arrived.
func (s *Sinks) post(ctx context.Context, target audit.Target, lines []string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, strings.NewReader(strings.Join(lines, "\n")+"\n"))
	if err != nil || request.URL.Host == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return errors.New("the webhook's url is no http(s) URL") // err repeats it
	}
	for name, value := range target.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	client := *s.HTTPClient
	// An answer that sends elsewhere is none: records go where the Context says.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the webhook could not be asked: %w", cause(ctx, err))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection can be used again
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the webhook answered %d", response.StatusCode)
	}
	return nil
}

// cause is why a request failed, without the URL, which may hold a secret.
func cause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", requestTimeout)
	}
	var about *url.Error
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}
