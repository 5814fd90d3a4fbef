// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/adapter"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/intake"
	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/once/oncetest"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/webhook"
	fakekube "aof.dev/operator/test/fake/kube"
	"aof.dev/operator/test/screen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

const (
	configMaps = "/api/v1/namespaces/ops/configmaps/"
	routesPath = configMaps + "aof-routes-hook"
	eventsPath = configMaps + "aof-events-hook"
	secretPath = "/api/v1/namespaces/ops/secrets/aof-credentials"
	runsPath   = "/apis/aof.dev/v1/namespaces/"
)

// fakeBroker keeps what it was sent.
type fakeBroker struct {
	mu   sync.Mutex
	sent []cloudevents.Event
	err  error
}

func (b *fakeBroker) Send(_ context.Context, _ string, e cloudevents.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.sent = append(b.sent, e)
	return nil
}

func (b *fakeBroker) events() []cloudevents.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent
}

// process is one adapter.
type process struct {
	*adapter.Server
	t      *testing.T
	api    *fakekube.Server
	clock  *clocktesting.FakePassiveClock
	broker *fakeBroker
	counts *intake.Counts
	routes *intake.Routes
	log    *screen.Screen
}

// start makes an adapter over an API; many may share one.
func start(t *testing.T, api *fakekube.Server, writer string) *process {
	t.Helper()
	config, err := kubeapi.ConfigFrom(api.Getenv)
	require.NoError(t, err)
	client, err := kubeapi.New(config)
	require.NoError(t, err)
	p := &process{t: t, api: api, clock: clocktesting.NewFakePassiveClock(now), broker: &fakeBroker{}, log: &screen.Screen{}}
	log := slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.counts = intake.NewCounts(client, writer, log)
	p.Server = adapter.New(nil, nil, p.clock)
	runs := ledgerkube.New(client.AOF().RESTClient())
	p.routes = intake.NewRoutes(intake.Options{
		Once:    &once.Maker{Runs: runs, Keys: lease.New(&oncetest.Leases{}), Clock: clock.RealClock{}},
		Objects: client, Runs: runs, Broker: p.broker, Counts: p.counts,
		Platforms: source.NewRegistry(webhook.Platform(), source.Platform{Type: "Schedule"}), Clock: p.clock, Log: log,
	})
	p.UseRoutes(p.routes)
	return p
}

// hook is the table of the Trigger ops/hook with bindings that want a word each.
func hook(words ...string) *route.Table {
	table := &route.Table{Namespace: "ops", Trigger: "hook", Type: "HTTP", Broker: "http://broker"}
	for _, word := range words {
		table.Bindings = append(table.Bindings, route.Binding{
			Rule: match.Rule{ID: "team/" + word, Filters: []match.Filter{{Name: "binding " + word, Patterns: []string{word}}}},
			Claim: claim.Binding{
				Namespace: "team", Name: word, UID: "uid-of-" + "x", Flow: aofv1.ObjectReference{Namespace: "team", Name: "flow"},
				Trigger: &aofv1.ObjectReference{Namespace: "ops", Name: "hook"}, Plan: word + "-plan",
			},
		})
	}
	return table
}

func put(t *testing.T, api *fakekube.Server, table *route.Table) {
	t.Helper()
	putRaw(api, encode(t, table))
}

func encode(t *testing.T, table *route.Table) string {
	t.Helper()
	raw, err := table.Encode()
	require.NoError(t, err)
	return string(raw)
}

func putRaw(api *fakekube.Server, raw string) {
	object := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}}
	object.Namespace = "ops"
	if !api.Get(eventsPath, &corev1.ConfigMap{}) {
		object.Name = names.Events("hook")
		api.Put(eventsPath, object)
	}
	object.Name, object.Data = names.Routes("hook"), map[string]string{names.KeyRoutes: raw}
	api.Put(routesPath, object)
}

func putSecret(api *fakekube.Server, data map[string]string) {
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: names.Credentials}, Data: map[string][]byte{},
	}
	for k, v := range data {
		secret.Data[k] = []byte(v)
	}
	api.Put(secretPath, secret)
}

// post sends a call to the Trigger, with headers as name, value, name, value.
func (p *process) post(id, text string, headers ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	return p.postTo("/ops/hook", id, text, headers...)
}

func (p *process) postTo(path, id, text string, headers ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodPost, path, strings.NewReader(text))
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Content-Type", "text/plain")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// document is what is counted of ops/hook.
func document(t *testing.T, api *fakekube.Server) fold.Arrivals {
	t.Helper()
	var object corev1.ConfigMap
	var out fold.Arrivals
	if api.Get(eventsPath, &object) && object.Data[names.KeyEvents] != "" {
		require.NoError(t, json.Unmarshal([]byte(object.Data[names.KeyEvents]), &out))
	}
	return out
}

// routesOnly is another view of the same cluster, without a server.
func (p *process) routesOnly() adapter.Routes { return p.routes }

func (p *process) runs() []string { return p.api.Paths(runsPath) }

func (p *process) logged() string { return p.log.String() }

func assertCounts(t *testing.T, api *fakekube.Server, received, processed, dropped, errors int64, bindings map[string]fold.Compared) {
	t.Helper()
	have := document(t, api)
	assert.Equal(t, []int64{received, processed, dropped, errors}, []int64{have.Received, have.Processed, have.Dropped, have.Errors}, "received, processed, dropped, errors")
	assert.Equal(t, bindings, have.Bindings)
}
