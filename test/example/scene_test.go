// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package example

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/local"
	fakeslack "aof.dev/operator/test/fake/slack"
)

const (
	patience = 20 * time.Second      // how long a condition may take to come true
	creep    = 20 * time.Millisecond // what goes by of the fake time between two looks
	secret   = "8f742231b10e8888abcd99yyyzzz85a5"
	eventTS  = "1767258000.000100" // of the Slack message that begins a run
)

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// scene is one `aof dev` with everything around it fake.
type scene struct {
	t       *testing.T
	clock   *clocktesting.FakeClock
	slack   *fakeslack.Server
	web     *web
	scratch string
	ran     string // the file in which programs write down that they ran
	url     string
	replace *strings.Replacer
	asked   []string // what people were asked
}

// settings makes what a process is given: credentials, programs, files, a web.
func newScene(t *testing.T, e expected) *scene {
	t.Helper()
	s := &scene{t: t, clock: clocktesting.NewFakeClock(start), scratch: t.TempDir(), web: &web{answers: e.Web}}
	s.replace = strings.NewReplacer("@SCRATCH@", s.scratch)
	s.ran = filepath.Join(t.TempDir(), "ran")
	options := []fakeslack.Option{fakeslack.WithToken("xoxb-example")}
	for id, name := range e.Channels {
		options = append(options, fakeslack.WithChannel(id, name))
	}
	s.slack = fakeslack.New(t, options...)
	for name, content := range e.Files {
		require.NoError(t, os.WriteFile(filepath.Join(s.scratch, name), []byte(s.replace.Replace(content)), 0o600))
	}
	return s
}

func (s *scene) settings(e expected, files []string, replies string) local.Settings {
	s.t.Helper()
	bin := s.t.TempDir()
	for name, script := range e.Programs {
		// Not while another test forks: the file would be busy when it is started.
		syscall.ForkLock.RLock()
		text := "#!/bin/sh\nprintf '%s\\n' \"$(printf '" + name + " %s' \"$*\" | tr '\\n' ' ')\" >> '" + s.ran + "'\n" + script
		err := os.WriteFile(filepath.Join(bin, name), []byte(s.replace.Replace(text)), 0o700)
		syscall.ForkLock.RUnlock()
		require.NoError(s.t, err)
	}
	vars := map[string]string{
		"PATH": bin + ":/usr/bin:/bin", "HOME": s.scratch, "USER": "keyboard",
		"SLACK_BOT_TOKEN": "xoxb-example", "SLACK_SIGNING_SECRET": secret, "SLACK_API_URL": s.slack.URL(),
	}
	for name, value := range e.Env {
		vars[name] = s.replace.Replace(value)
	}
	return local.Settings{
		Files: files, Getenv: func(name string) string { return vars[name] }, Clock: s.clock, Model: "mock:" + replies,
		HTTPClient: &http.Client{Transport: &transport{s.web, s.slack}},
	}
}

// serve starts the process.
func (s *scene) serve(settings local.Settings) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	server, err := local.Open(ctx, settings, s.t.TempDir(), slog.New(slog.DiscardHandler))
	require.NoError(s.t, err)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	s.url = "http://" + listener.Addr().String()
	s.t.Cleanup(func() {
		cancel()
		assert.NoError(s.t, <-done)
		assert.NoError(s.t, server.Close())
	})
}

func (s *scene) do(method, path string, header http.Header, body []byte) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	require.NoError(s.t, err)
	for name, given := range header {
		req.Header[name] = given
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(said)
}

func (s *scene) runs() []aofv1.FlowRun {
	s.t.Helper()
	code, body := s.do(http.MethodGet, "/apis/aof.dev/v1/flowruns", nil, nil)
	require.Equal(s.t, http.StatusOK, code, body)
	var list aofv1.FlowRunList
	require.NoError(s.t, json.Unmarshal([]byte(body), &list))
	return list.Items
}

// settled waits until there are n runs and each is over or waits.
func (s *scene) settled(n int) []aofv1.FlowRun {
	s.t.Helper()
	var runs []aofv1.FlowRun
	s.until(func() string {
		runs = s.runs()
		if len(runs) == n && !slices.ContainsFunc(runs, busy) {
			return ""
		}
		return fmt.Sprintf("want %d runs that are over or wait, there are %s", n, progress(runs))
	})
	return runs
}

func busy(r aofv1.FlowRun) bool { return !r.IsDone() && r.Status.Phase != aofv1.FlowRunPhaseWaiting }

// until asks again and again, while the fake clock creeps on, until nothing is
// missing. Waits of minutes do not end by that.
func (s *scene) until(missing func() string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		what := missing()
		if what == "" {
			return
		}
		select {
		case <-again.C:
			s.clock.Step(creep)
		case <-ctx.Done():
			require.Fail(s.t, "it did not come about", what)
		}
	}
}

// send has the scenario's event happen.
func (s *scene) send(c scenario) {
	s.t.Helper()
	switch {
	case c.Slack != nil:
		m := c.Slack
		body := fakeslack.MessageEvent(m.Channel, m.User, eventTS, m.Text)
		switch {
		case m.Mention:
			body = fakeslack.MentionEvent(m.Channel, m.User, eventTS, m.Text)
		case m.Command != "":
			body = fakeslack.Command(m.Channel, m.User, m.Command, m.Text)
		}
		s.fromSlack(m.Trigger, body)
	case c.Event != nil:
		raw, err := json.Marshal(c.Event)
		require.NoError(s.t, err)
		code, said := s.do(http.MethodPost, "/events/default", http.Header{"Content-Type": {"application/cloudevents+json"}}, raw)
		require.Equal(s.t, http.StatusAccepted, code, said)
	case c.Hook != nil:
		header := http.Header{}
		for name, value := range c.Hook.Headers {
			header.Set(name, value)
		}
		code, said := s.do(http.MethodPost, "/default/"+c.Hook.Trigger, header, []byte(c.Hook.Body))
		require.Equal(s.t, http.StatusAccepted, code, said)
	default:
		require.Fail(s.t, "the scenario sends nothing")
	}
}

func (s *scene) fromSlack(trigger string, body []byte) {
	s.t.Helper()
	code, said := s.do(http.MethodPost, "/default/"+trigger, fakeslack.Header(secret, s.clock.Now(), body), body)
	require.Equal(s.t, http.StatusOK, code, said)
}

// after does a step and waits until the run took note.
func (s *scene) after(trigger string, st step, runs int) {
	s.t.Helper()
	before := s.settled(runs)
	for i := range before {
		s.note(before[i])
	}
	last := func() fakeslack.Message {
		messages := s.slack.Messages()
		require.NotEmpty(s.t, messages, "nothing was posted yet")
		return messages[len(messages)-1]
	}
	switch {
	case st.Press != "":
		body := s.button(last(), st.By, "aof_"+st.Press)
		s.fromSlack(trigger, body)
	case st.React != "":
		m := last()
		s.fromSlack(trigger, fakeslack.ReactionEvent(m.Channel, st.By, m.TS, st.React, "1767258100.000100"))
	case st.Decide != "":
		s.decide(before, st)
	case st.Pass != "":
		d, err := time.ParseDuration(st.Pass)
		require.NoError(s.t, err)
		s.clock.Step(d)
	}
	s.until(func() string {
		if progress(s.runs()) == progress(before) {
			return fmt.Sprintf("the run took no note of %+v", st)
		}
		return ""
	})
}

// note keeps what a run asks people.
func (s *scene) note(run aofv1.FlowRun) {
	for _, w := range run.Status.Waiting {
		s.asked = append(s.asked, w.Message)
	}
}

// progress tells how far runs have come in what people do with them.
func progress(runs []aofv1.FlowRun) string {
	var b strings.Builder
	for i := range runs {
		fmt.Fprintf(&b, "%s %s %d", runs[i].Name, runs[i].Status.Phase, len(runs[i].Spec.Decisions))
		for _, w := range runs[i].Status.Waiting {
			fmt.Fprintf(&b, " %s", w.Node)
		}
	}
	return b.String()
}

// button is the body that tells of a button of the bot's message.
func (s *scene) button(m fakeslack.Message, user, action string) []byte {
	s.t.Helper()
	raw, err := json.Marshal(m.Blocks)
	require.NoError(s.t, err)
	var blocks []struct {
		Elements []struct {
			ID    string `json:"action_id"`
			Value string `json:"value"`
		} `json:"elements"`
	}
	require.NoError(s.t, json.Unmarshal(raw, &blocks))
	value := ""
	for _, b := range blocks {
		for _, e := range b.Elements {
			if e.ID == action {
				value = e.Value
			}
		}
	}
	require.NotEmpty(s.t, value, "the message has no button %s: %s", action, m.Text)
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": fakeslack.Team}, "user": map[string]any{"id": user, "username": "u"},
		"channel": map[string]any{"id": m.Channel}, "message": map[string]any{"ts": m.TS, "thread_ts": m.Thread},
		"actions": []any{map[string]any{"action_id": action, "value": value}},
	})
	require.NoError(s.t, err)
	return []byte(url.Values{"payload": {string(payload)}}.Encode())
}

// decide answers what the first run that waits asks, as `aof approve` does.
func (s *scene) decide(runs []aofv1.FlowRun, st step) {
	s.t.Helper()
	for i := range runs {
		for _, w := range runs[i].Status.Waiting {
			decisions := append(slices.Clone(runs[i].Spec.Decisions), aofv1.RunDecision{Node: w.Node, Digest: fmt.Sprint(w.Details["digest"]), Approved: st.Decide == "approve"})
			raw, err := json.Marshal(map[string]any{"spec": map[string]any{"decisions": decisions}})
			require.NoError(s.t, err)
			header := http.Header{"Content-Type": {"application/merge-patch+json"}, "Impersonate-User": {st.By}}
			code, said := s.do(http.MethodPatch, "/apis/aof.dev/v1/namespaces/"+runs[i].Namespace+"/flowruns/"+runs[i].Name, header, raw)
			require.Equal(s.t, http.StatusOK, code, said)
			return
		}
	}
	require.Fail(s.t, "no run waits")
}

// web answers every request but those to Slack, and writes it down.
type web struct {
	answers map[string]answer

	mu       sync.Mutex
	requests []called
}

func (w *web) called() []called {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// transport sends what goes to the fake Slack there, and the rest to the web.
type transport struct {
	web   *web
	slack *fakeslack.Server
}

// RoundTrip implements http.RoundTripper.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.URL.String(), tr.slack.URL()) {
		return tr.slack.Client().Transport.RoundTrip(req)
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	key := req.Method + " " + req.URL.Host + req.URL.RequestURI()
	tr.web.mu.Lock()
	defer tr.web.mu.Unlock()
	tr.web.requests = append(tr.web.requests, called{Request: key, Body: string(body)})
	a, known := tr.web.answers[key]
	if !known {
		return nil, fmt.Errorf("nobody answers %s", key)
	}
	return &http.Response{
		StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.Body)), ContentLength: int64(len(a.Body)),
	}, nil
}
