// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// composition is a webhook and a flow of three steps. %s is where the steps are.
const composition = `
apiVersion: aof.dev/v1
kind: Context
metadata: {name: bench, namespace: bench}
spec: {namespace: default}
---
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: web, namespace: bench}
spec:
  type: HTTP
  config: {secret: bench}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: three, namespace: bench}
spec:
  trigger: {type: HTTP, config: {}}
  nodes:
    - {id: one, type: HTTP, config: {url: "%[1]s1?id=${event.text}&run=${flow.run}"}}
    - {id: two, type: HTTP, config: {url: "%[1]s2?id=${event.text}"}}
    - {id: three, type: HTTP, config: {url: "%[1]s3?id=${event.text}"}}
  connections:
    - {from: trigger, to: one}
    - {from: one, to: two}
    - {from: two, to: three}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: web-three, namespace: bench}
spec:
  trigger: {name: web}
  context: {name: bench}
  flow: {name: three}
`

// aof is `aof dev` in a process of its own. A run is asked for over its webhook
// and is over when its log says so, which is after the last write.
type aof struct {
	*process
	url    string
	client *http.Client
	steps  *steps

	mu      sync.Mutex
	waiting map[string]chan string // for the phase, by id
}

func startAof(ctx context.Context, program, dir string, s *steps, log io.Writer) (engine, error) {
	file := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, composition, s.url), 0o600); err != nil {
		return nil, err
	}
	listener, err := listen(ctx) // to find a free port
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "dev", "-f", file, "--data", filepath.Join(dir, "data"), "--listen", address) //nolint:gosec // the program we were given
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	a := &aof{
		process: p, url: "http://" + address, steps: s, waiting: map[string]chan string{},
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	go a.follow(stderr, log)
	err = p.ready(ctx, func(ctx context.Context) error { return a.request(ctx, http.MethodGet, "/healthz", "") })
	if err != nil {
		p.stop()
		return nil, err
	}
	return a, nil
}

// follow reads the server's log and wakes who waits for a run.
func (a *aof) follow(stderr io.Reader, log io.Writer) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		_, rest, over := strings.Cut(line, `msg="run `)
		phase, rest, _ := strings.Cut(rest, `" run=`)
		name, _, _ := strings.Cut(rest, " ")
		if !over {
			if strings.Contains(line, "level=ERROR") {
				fmt.Fprintln(log, line)
			}
			continue
		}
		id := a.steps.idOf(name)
		a.mu.Lock()
		done := a.waiting[id]
		delete(a.waiting, id)
		a.mu.Unlock()
		if done != nil {
			done <- phase
		}
	}
}

func (a *aof) run(ctx context.Context, id string) error {
	done := make(chan string, 1)
	a.mu.Lock()
	a.waiting[id] = done
	a.mu.Unlock()
	if err := a.request(ctx, http.MethodPost, "/bench/web", `{"text":"`+id+`"}`); err != nil {
		return err
	}
	select {
	case phase := <-done:
		if phase != "Succeeded" {
			return fmt.Errorf("the run of %s is %s", id, phase)
		}
		return nil
	case <-a.gone:
		return fmt.Errorf("the server ended before the run of %s", id)
	case <-ctx.Done():
		return fmt.Errorf("run of %s: %w", id, ctx.Err())
	}
}

func (a *aof) request(ctx context.Context, method, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer bench")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, text)
	}
	return err
}
