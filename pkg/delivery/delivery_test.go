// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/pkg/trace"
)

var path = "/bindings/web?plan=web-1"

func TestAnEventBecomesARun(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	answer := s.post(t, path, event(t, "1", "the disk is full"))
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Empty(t, answer.Body.String(), "a body that is no CloudEvent counts as an error")

	runs := s.stored(t)
	require.Len(t, runs, 1)
	require.Len(t, s.runs.carried, 1)
	assert.Equal(t, runs[0].UID, s.runs.carried[0].UID)
	spec := runs[0].Spec
	assert.Equal(t, "web-1", spec.Plan)
	assert.Equal(t, "web", spec.Binding.Name)
	assert.Contains(t, string(spec.Event.Raw), "the disk is full")
	assert.Equal(t, 1, s.plans.reads)

	s.post(t, path, event(t, "2", "another disk is full"))
	assert.Equal(t, 1, s.plans.reads, "a plan is read once")
}

func TestWhatIsNotForTheBindingIsTaken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path  string
		event func(*testing.T) cloudevents.Event
	}{
		"no match":        {path, func(t *testing.T) cloudevents.Event { t.Helper(); return event(t, "1", "all is well") }},
		"another trigger": {path, func(t *testing.T) cloudevents.Event { t.Helper(); return event(t, "1", "disk", "aoftrigger", "other") }},
		"no trigger":      {path, func(t *testing.T) cloudevents.Event { t.Helper(); return event(t, "1", "disk", "aoftrigger", "") }},
		"another trigger, said to match": {path, func(t *testing.T) cloudevents.Event {
			t.Helper()
			return event(t, "1", "disk", "aoftrigger", "other", "aofmatch", "|team/web|")
		}},
		"another trigger's dead letter": {deadLetters, func(t *testing.T) cloudevents.Event {
			t.Helper()
			return event(t, "1", "disk", "aoftrigger", "other", "aofmatch", "|team/web|")
		}},
		"no trigger's dead letter": {deadLetters, func(t *testing.T) cloudevents.Event { t.Helper(); return event(t, "1", "disk", "aoftrigger", "") }},
		"matched elsewhere": {path, func(t *testing.T) cloudevents.Event {
			t.Helper()
			return event(t, "1", "disk", "aofmatch", "|team/web-2|other/web|")
		}},
		"another binding's plan": {"/bindings/other?plan=web-1", func(t *testing.T) cloudevents.Event { t.Helper(); return event(t, "1", "disk") }},
		"a run that is gone":     {path, func(t *testing.T) cloudevents.Event { t.Helper(); return resume(t, "web-gone") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t)
			answer := s.post(t, test.path, test.event(t))
			assert.Equal(t, http.StatusOK, answer.Code)
			assert.Empty(t, answer.Body.String())
			assert.Empty(t, s.stored(t))
			assert.Empty(t, s.runs.carried)
		})
	}
}

func TestTheRunnerIsTheAuthority(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	// The list says that somebody matched it. Anybody who reaches the broker can
	// write that.
	s.post(t, path, event(t, "1", "all is well", "aofmatch", "|team/web|"))
	assert.Empty(t, s.stored(t))
	s.post(t, path, event(t, "2", "disk", "aofmatch", "|team/web|"))
	assert.Len(t, s.stored(t), 1)
}

func TestAClaimOfTheAdapterIsCarriedOn(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	e := event(t, "1", "disk", "aofmatch", "|team/web|")
	s.post(t, path, e)
	run := s.stored(t)[0]
	s.runs.carried = nil

	s.post(t, path, e)
	require.Len(t, s.runs.carried, 1)
	assert.Equal(t, run.UID, s.runs.carried[0].UID)
	assert.Len(t, s.stored(t), 1)
}

func TestADuplicateIsTheSameRun(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	for range 3 {
		assert.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk")).Code)
	}
	assert.Len(t, s.stored(t), 1)
	carried := s.runs.carried
	require.Len(t, carried, 5, "who finds the event claimed looks at the run that is there")
	assert.Equal(t, carried[0].UID, carried[2].UID)
	assert.Equal(t, carried[0].UID, carried[4].UID)
}

func TestResume(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.post(t, path, event(t, "1", "disk"))
	run := s.stored(t)[0]
	s.runs.carried = nil
	delete(s.plans.data, "web-1") // the binding has another plan by now

	assert.Equal(t, http.StatusOK, s.post(t, "/bindings/web?plan=web-2", resume(t, run.Name)).Code)
	require.Len(t, s.runs.carried, 1)
	assert.Equal(t, run.UID, s.runs.carried[0].UID)

	assert.Equal(t, http.StatusOK, s.post(t, "/bindings/other?plan=web-1", resume(t, run.Name)).Code)
	assert.Len(t, s.runs.carried, 1, "another binding's run")
	assert.Equal(t, http.StatusBadRequest, s.post(t, path, resume(t, "")).Code)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"over or waiting":     {nil, http.StatusOK},
		"held by another":     {runner.ErrBusy, http.StatusTooManyRequests},
		"taken over":          {runner.ErrLost, http.StatusTooManyRequests},
		"told to stop":        {context.Canceled, http.StatusServiceUnavailable},
		"out of time":         {context.DeadlineExceeded, http.StatusServiceUnavailable},
		"the ledger is away":  {errDown, http.StatusServiceUnavailable},
		"the run is too much": {ledger.ErrTooLarge, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t)
			s.runs.do = func(_ context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) { return run, test.err }
			answer := s.post(t, path, event(t, "1", "disk"))
			assert.Equal(t, test.status, answer.Code)
			if test.err != nil {
				assert.NotEmpty(t, answer.Header().Get("Retry-After"))
			}
		})
	}
}

func TestARunThatYieldsIsSentBackToTheBroker(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.runs.do = func(_ context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
		run.ResourceVersion = "77"
		return run, runner.ErrYielded
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	answer := s.post(t, path, event(t, "1", "disk", "traceparent", parent))
	assert.Equal(t, http.StatusAccepted, answer.Code)
	assert.Equal(t, "application/cloudevents+json", answer.Header().Get("Content-Type"))
	var e cloudevents.Event
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &e))
	require.NoError(t, e.Validate())
	run := s.stored(t)[0]
	assert.Equal(t, "dev.aof.run.resume", e.Type())
	assert.Equal(t, string(run.UID)+"-77", e.ID())
	assert.Equal(t, map[string]any{
		"aoftrigger": "intake", "aofmatch": "|team/web|", "aofrun": run.Name, "traceparent": parent,
	}, e.Extensions())

	s.runs.do = nil
	assert.Equal(t, http.StatusOK, s.post(t, path, e).Code, "it is an event that has the run carried on")
	assert.Equal(t, run.UID, s.runs.carried[1].UID)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const ce, structured = "application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"/s","type":"t","aoftrigger":"intake","data":{"text":"disk"}}`
	for name, test := range map[string]struct {
		method, path, contentType, body string
		status                          int
	}{
		"not POST":            {http.MethodGet, path, ce, structured, http.StatusMethodNotAllowed},
		"another path":        {http.MethodPost, "/", ce, structured, http.StatusNotFound},
		"no plan":             {http.MethodPost, "/bindings/web", ce, structured, http.StatusBadRequest},
		"a plan that is none": {http.MethodPost, "/bindings/web?plan=../x", ce, structured, http.StatusBadRequest},
		"a binding of none":   {http.MethodPost, "/bindings/A%2Fb?plan=web-1", ce, structured, http.StatusBadRequest},
		"a batch":             {http.MethodPost, path, "application/cloudevents-batch+json", "[" + structured + "]", http.StatusUnsupportedMediaType},
		"no CloudEvent":       {http.MethodPost, path, "application/json", "{}", http.StatusBadRequest},
		"a large body":        {http.MethodPost, path, ce, strings.Repeat(" ", 400<<10) + structured, http.StatusRequestEntityTooLarge},
		"a large event": {
			http.MethodPost, path, ce, strings.Replace(structured, "disk", "disk "+strings.Repeat("x", 300<<10), 1), http.StatusRequestEntityTooLarge,
		},
		"an unknown plan": {http.MethodPost, "/bindings/web?plan=web-2", ce, structured, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setScene(t)
			answer := s.request(t.Context(), test.method, test.path, test.contentType, test.body)
			assert.Equal(t, test.status, answer.Code, answer.Body.String())
			assert.Less(t, answer.Body.Len(), 600)
			assert.Empty(t, s.stored(t))
		})
	}
}

func TestWhatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.plans.err = errDown
	assert.Equal(t, http.StatusServiceUnavailable, s.post(t, path, event(t, "1", "disk")).Code)
	s.plans.err, s.store.err = nil, errDown
	for _, e := range []cloudevents.Event{event(t, "1", "disk"), event(t, "1", "disk", "aofmatch", "|team/web|"), resume(t, "web-1")} {
		assert.Equal(t, http.StatusServiceUnavailable, s.post(t, path, e).Code)
	}
	s.store.err = nil
	assert.Equal(t, http.StatusOK, s.post(t, path, event(t, "1", "disk")).Code)
	assert.Len(t, s.stored(t), 1)
}

func TestAConfigMapThatIsNoPlan(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.plans.data["web-1"].Labels = nil // somebody else's
	assert.Equal(t, http.StatusNotFound, s.post(t, path, event(t, "1", "disk")).Code)
	s.plans.data["web-1"] = &corev1.ConfigMap{}
	assert.Equal(t, http.StatusNotFound, s.post(t, path, event(t, "1", "disk")).Code)
}

func TestABrokerThatGoesAwayCutsNothingOff(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	ctx, hangUp := context.WithCancel(t.Context())
	var seen error
	s.runs.do = func(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
		hangUp()
		seen = ctx.Err()
		return run, nil
	}
	body, err := json.Marshal(event(t, "1", "disk"))
	require.NoError(t, err)
	s.request(ctx, http.MethodPost, path, "application/cloudevents+json", string(body))
	require.Error(t, ctx.Err())
	assert.NoError(t, seen)
}

func TestStopEndsTheWork(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	assert.Equal(t, http.StatusOK, s.request(t.Context(), http.MethodGet, "/healthz", "", "").Code)
	s.runs.do = func(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
		s.handler.Stop()
		<-ctx.Done() // the run gives its lease back
		return run, ctx.Err()
	}
	assert.Equal(t, http.StatusServiceUnavailable, s.post(t, path, event(t, "1", "disk")).Code)
	assert.Equal(t, http.StatusServiceUnavailable, s.post(t, path, event(t, "2", "disk")).Code)
	assert.Len(t, s.stored(t), 1, "nothing new is begun")
	assert.Equal(t, http.StatusServiceUnavailable, s.request(t.Context(), http.MethodGet, "/healthz", "", "").Code)
}

func TestAPanicIsAnswered(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	s.runs.do = func(context.Context, *aofv1.FlowRun) (*aofv1.FlowRun, error) { panic("s3cret") }
	answer := s.post(t, path, event(t, "1", "disk"))
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	assert.NotContains(t, answer.Body.String(), "s3cret")
}

func TestTheTraceReachesTheWork(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	var got trace.Context
	s.runs.do = func(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
		got = trace.From(ctx)
		return run, nil
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s.post(t, path, event(t, "1", "disk", "traceparent", parent))
	assert.Equal(t, parent, got.Parent)

	got = trace.Context{}
	s.post(t, path, resume(t, s.stored(t)[0].Name))
	assert.Equal(t, parent, got.Parent, "that of the run's event")
}
