// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	fakekube "aof.dev/operator/test/fake/kube"
)

func TestTheFirstEventCostsTwoReads(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook("pod", "disk")
	table.Config = map[string]any{"secret": "${HOOK_SECRET}"}
	put(t, api, table)
	putSecret(api, map[string]string{"HOOK_SECRET": "s3cret"})
	p := start(t, api, "a")
	assert.Equal(t, http.StatusUnauthorized, p.post("1", "pod", "Authorization", "Bearer wrong").Code)
	assert.Equal(t, http.StatusAccepted, p.post("1", "pod", "Authorization", "Bearer s3cret").Code)
	assert.Equal(t, []string{
		"GET " + routesPath, "GET " + secretPath, "POST /apis/aof.dev/v1/namespaces/team/flowruns",
	}, api.Requests())
	assert.Len(t, p.runs(), 1)
}

func TestAConfigurationWithoutReferencesNeedsNoSecret(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	assert.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	assert.Zero(t, api.Count(http.MethodGet, "secrets"))
}

func TestRoutesAreFreshForASecond(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	for _, step := range []struct {
		after time.Duration
		reads int
	}{{0, 1}, {999 * time.Millisecond, 1}, {time.Second, 1}, {1001 * time.Millisecond, 2}, {1500 * time.Millisecond, 2}} {
		p.clock.SetTime(now.Add(step.after))
		require.Equal(t, http.StatusAccepted, p.post(step.after.String(), "pod").Code)
		assert.Equal(t, step.reads, api.Count(http.MethodGet, "routes"), "after %s", step.after)
	}
}

func TestBeforeAnEventIsDroppedTheTableIsReadAgain(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)

	put(t, api, hook("pod", "disk"))
	p.clock.SetTime(now.Add(time.Millisecond))
	require.Equal(t, http.StatusAccepted, p.post("2", "disk").Code)
	assert.Len(t, p.runs(), 2, "whoever was bound before the event came gets it")

	p.clock.SetTime(now.Add(2 * time.Millisecond))
	require.Equal(t, http.StatusAccepted, p.post("3", "all is well").Code)
	assert.Equal(t, 3, api.Count(http.MethodGet, "routes"))
	require.Equal(t, http.StatusAccepted, p.post("4", "all is well").Code)
	assert.Equal(t, 3, api.Count(http.MethodGet, "routes"), "the table was read when that event had come")
	assert.Len(t, p.runs(), 2)
}

func TestAnEventIsNotDroppedWhenNobodyKnows(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "all is well").Code)
	api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusInternalServerError })
	p.clock.SetTime(now.Add(time.Millisecond))
	w := p.post("2", "all is well")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
}

func TestPathsThatAreNobodys(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	api.Trouble(func(_ fakekube.Moment, _, path string) int {
		if strings.Contains(path, "/namespaces/elsewhere/") {
			return http.StatusForbidden
		}
		return 0
	})
	p := start(t, api, "a")
	for _, tt := range []struct {
		path  string
		reads int
	}{
		{"/ops/hook", 1},
		{"/ops/hook", 1},
		{"/elsewhere/hook", 2}, // the API says Forbidden where the adapter has no rights
		{"/Ops/hook", 2},
		{"/ops/a..b/c", 2},
		{"/ops/a_b", 2},
		{"/ops/" + strings.Repeat("x", 254), 2},
		{"/" + strings.Repeat("x", 64) + "/hook", 2},
		{"/ops", 2},
		{"/", 2},
	} {
		assert.Equal(t, http.StatusNotFound, p.postTo(tt.path, "1", "pod").Code, tt.path)
		assert.Len(t, api.Requests(), tt.reads, tt.path)
	}
	p.counts.Flush(t.Context())
	assert.Len(t, api.Requests(), 2, "they are counted nowhere")

	put(t, api, hook("pod"))
	assert.Equal(t, http.StatusNotFound, p.post("1", "pod").Code, "believed for a second")
	p.clock.SetTime(now.Add(1001 * time.Millisecond))
	assert.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
}

func TestATriggerThatGoes(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	api.Remove(routesPath)
	p.clock.SetTime(now.Add(time.Millisecond))
	assert.Equal(t, http.StatusNotFound, p.post("2", "all is well").Code)
	p.clock.SetTime(now.Add(2 * time.Second))
	assert.Equal(t, http.StatusNotFound, p.post("3", "pod").Code)
}

func TestMisconfigured(t *testing.T) {
	t.Parallel()
	other := hook("pod")
	other.Bindings[0].Claim.Trigger.Namespace = "elsewhere"
	crossed := hook("pod")
	crossed.Bindings[0].Claim.Name = "other"
	stolen := hook("pod")
	stolen.Trigger = "other"
	for _, tt := range []struct {
		name    string
		raw     string
		config  map[string]any
		kind    string
		off     string
		secret  map[string]string
		said    string // to the sender
		known   string // to us
		refused int
	}{
		{name: "disabled", off: "the trigger is disabled", said: "the trigger is disabled"},
		{name: "no such type", kind: "Fax", said: "take no requests here"},
		{name: "a type without requests", kind: "Schedule", said: "take no requests here"},
		{name: "bad configuration", config: map[string]any{"method": "BREW"}, said: "config.method"},
		{name: "no credentials", config: map[string]any{"secret": "${HOOK}"}, said: "misconfigured", known: "there is no Secret aof-credentials"},
		{name: "no such credential", config: map[string]any{"secret": "${HOOK}"}, secret: map[string]string{"X": "1"}, said: "misconfigured", known: "the Secret aof-credentials has no HOOK"},
		{name: "credentials that may not be read", config: map[string]any{"secret": "${HOOK}"}, refused: http.StatusForbidden, said: "misconfigured", known: "may not read the Secret"},
		{name: "no such key", config: map[string]any{"secret": map[string]any{"secretKeyRef": map[string]any{"name": "aof-credentials", "key": "HOOK"}}}, secret: map[string]string{"X": "1"}, said: "misconfigured", known: "has no HOOK"},
		{name: "no table", raw: "{", said: "misconfigured", known: "route table"},
		{name: "the table of another trigger", raw: encode(t, stolen), said: "misconfigured", known: "another trigger"},
		{name: "a binding of another trigger", raw: encode(t, other), said: "misconfigured", known: "another trigger"},
		{name: "a binding with the rule of another", raw: encode(t, crossed), said: "misconfigured", known: "the rule of another"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := fakekube.New(t)
			table := hook("pod")
			table.Config, table.Disabled = tt.config, tt.off
			if tt.kind != "" {
				table.Type = tt.kind
			}
			put(t, api, table)
			if tt.raw != "" {
				putRaw(api, tt.raw)
			}
			if tt.secret != nil {
				putSecret(api, tt.secret)
			}
			api.Trouble(func(_ fakekube.Moment, _, path string) int {
				if path == secretPath {
					return tt.refused
				}
				return 0
			})
			p := start(t, api, "a")
			w := p.post("1", "pod")
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Contains(t, w.Body.String(), tt.said)
			if tt.known != "" {
				assert.Contains(t, p.logged(), tt.known)
				assert.NotContains(t, w.Body.String(), "HOOK")
			}
			assert.Empty(t, p.runs())
			p.counts.Flush(t.Context())
			assertCounts(t, api, 0, 0, 0, 1, nil)
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config map[string]any
	}{
		{"by name", map[string]any{"secret": "${HOOK}"}},
		{"inside a text", map[string]any{"secret": "s3${REST}"}},
		{"with a default", map[string]any{"secret": "${NONE:-s3cret}"}},
		{"nested", map[string]any{"auth": map[string]any{"type": "Bearer", "token": "${HOOK}"}}},
		{"by reference to a key", map[string]any{"secret": map[string]any{"secretKeyRef": map[string]any{"name": "aof-credentials", "key": "HOOK"}}}},
		{"as it is", map[string]any{"secret": "s3cret"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := fakekube.New(t)
			table := hook("pod")
			table.Config = tt.config
			put(t, api, table)
			putSecret(api, map[string]string{"HOOK": "s3cret", "REST": "cret"})
			p := start(t, api, "a")
			assert.Equal(t, http.StatusAccepted, p.post("1", "pod", "Authorization", "Bearer s3cret").Code, p.logged())
			assert.Equal(t, http.StatusUnauthorized, p.post("2", "pod", "Authorization", "Bearer ").Code)
			assert.NotContains(t, p.logged(), "s3cret")
		})
	}
}

func TestNewCredentialsAreSeen(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook("pod")
	table.Config = map[string]any{"secret": "${HOOK}"}
	put(t, api, table)
	putSecret(api, map[string]string{"HOOK": "old"})
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod", "Authorization", "Bearer old").Code)
	putSecret(api, map[string]string{"HOOK": "new"})
	p.clock.SetTime(now.Add(1001 * time.Millisecond))
	assert.Equal(t, http.StatusUnauthorized, p.post("2", "pod", "Authorization", "Bearer old").Code)
	assert.Equal(t, http.StatusAccepted, p.post("3", "pod", "Authorization", "Bearer new").Code)
}

func TestManyWaitForOneRead(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	api.Trouble(func(m fakekube.Moment, _, path string) int {
		if m == fakekube.Before && path == routesPath {
			once.Do(func() { close(asked) })
			<-answer
		}
		return 0
	})
	p := start(t, api, "a")
	routes := p.routesOnly()
	var wg sync.WaitGroup
	find := func() {
		_, found, err := routes.Route(t.Context(), "ops", "hook", time.Time{})
		assert.NoError(t, err)
		assert.True(t, found)
	}
	wg.Go(find)
	<-asked
	for range 20 {
		wg.Go(find)
	}
	close(answer)
	wg.Wait()
	assert.Equal(t, 1, api.Count(http.MethodGet, "routes"))
}

func TestUnknownPathsPushNoTriggerOut(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	const many = 1100 // more than are remembered
	for i := range many {
		require.Equal(t, http.StatusNotFound, p.postTo("/ops/x"+strconv.Itoa(i), "1", "pod").Code)
	}
	require.Equal(t, http.StatusNotFound, p.postTo("/ops/x"+strconv.Itoa(many-1), "1", "pod").Code)
	assert.Len(t, api.Requests(), 2+many, "the newest are remembered")
	require.Equal(t, http.StatusNotFound, p.postTo("/ops/x0", "1", "pod").Code)
	assert.Len(t, api.Requests(), 3+many, "the oldest are forgotten")
	require.Equal(t, http.StatusAccepted, p.post("2", "pod").Code)
	assert.Equal(t, 1, api.Count(http.MethodGet, routesPath))
}

func TestARouteThatCannotBeReadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusServiceUnavailable })
	p := start(t, api, "a")
	w := p.post("1", "pod")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotContains(t, w.Body.String(), "configmap", "the sender needs no inside view")
	api.Trouble(nil)
	assert.Equal(t, http.StatusAccepted, p.post("1", "pod").Code, "an error is not remembered")
}
