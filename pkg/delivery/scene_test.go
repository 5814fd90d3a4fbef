// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
)

var (
	errDown = errors.New("connection refused")
	now     = time.Date(2025, 12, 18, 10, 0, 0, 0, time.UTC)
)

// configMaps are those of namespace "team", by name.
type configMaps struct {
	mu    sync.Mutex
	data  map[string]*corev1.ConfigMap
	reads int
	err   error
}

func (c *configMaps) ConfigMap(_ context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.err != nil {
		return nil, c.err
	}
	if object, ok := c.data[name]; ok && namespace == "team" {
		return object, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

// carrier carries runs on as it is told, by default to the end.
// It creates what is not in the ledger, as the real one does with its first write.
type carrier struct {
	store   ledger.Store
	mu      sync.Mutex
	carried []*aofv1.FlowRun
	do      func(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error)
}

func (c *carrier) Carry(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error) {
	c.mu.Lock()
	c.carried = append(c.carried, run)
	c.mu.Unlock()
	if run.ResourceVersion == "" {
		if err := c.store.Create(ctx, run); err != nil {
			return run, err
		}
	}
	if c.do != nil {
		return c.do(ctx, run)
	}
	return run, nil
}

// downStore is a ledger that can go away.
type downStore struct {
	ledger.Store
	err error
}

func (s *downStore) Create(ctx context.Context, run *aofv1.FlowRun) error {
	if s.err != nil {
		return s.err
	}
	return s.Store.Create(ctx, run)
}

func (s *downStore) Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Store.Get(ctx, namespace, name)
}

// scene is a handler of namespace "team", whose binding "web" has the plan
// "web-1" with the pattern "disk" on the Trigger "intake" of namespace "shop".
type scene struct {
	plans   *configMaps
	store   *downStore
	runs    *carrier
	handler *delivery.Handler
}

func setScene(t *testing.T) *scene {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	s := &scene{plans: &configMaps{data: map[string]*corev1.ConfigMap{}}, store: &downStore{Store: store}, runs: &carrier{}}
	s.runs.store = s.store
	s.keep(t, "web-1", &plan.Plan{
		Namespace: "team", Binding: "web", BindingUID: "u1", FlowNamespace: "team", Flow: flow.Flow{Name: "triage"},
		Trigger: &plan.Trigger{Namespace: "shop", Name: "intake", Type: "Slack", Config: map[string]string{"bot_token": "${BOT}"}},
		Rule:    &match.Rule{ID: "team/web", Filters: []match.Filter{{Name: "binding web", Patterns: []string{"disk"}}}},
	})
	s.handler = delivery.New(t.Context(), delivery.Options{
		Namespace: "team", Store: s.store, Plans: delivery.NewPlans(s.plans), Runs: s.runs,
		Clock: clocktesting.NewFakePassiveClock(now), Timeout: time.Hour,
	})
	t.Cleanup(s.handler.Stop)
	return s
}

func (s *scene) keep(t *testing.T, name string, p *plan.Plan) {
	t.Helper()
	raw, err := p.Encode()
	require.NoError(t, err)
	s.plans.data[name] = &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{names.LabelKind: names.KindPlan}},
		Data:       map[string]string{names.KeyPlan: string(raw)},
	}
}

// event is one for the trigger "intake"; each pair is an extension, an empty
// value takes it away.
func event(t *testing.T, id, text string, extensions ...string) cloudevents.Event {
	t.Helper()
	e := cloudevents.New()
	e.SetID(id)
	e.SetSource("/tests")
	e.SetType("dev.example.alert")
	e.SetExtension("aoftrigger", "intake")
	for i := 0; i < len(extensions); i += 2 {
		if extensions[i+1] == "" {
			e.SetExtension(extensions[i], nil)
			continue
		}
		e.SetExtension(extensions[i], extensions[i+1])
	}
	require.NoError(t, e.SetData("application/json", map[string]string{"text": text}))
	return e
}

func resume(t *testing.T, run string) cloudevents.Event {
	t.Helper()
	e := event(t, "resume-1", "", "aofmatch", "|team/web|", "aofrun", run)
	e.SetType("dev.aof.run.resume")
	return e
}

// post delivers an event and gives the answer.
func (s *scene) post(t *testing.T, path string, e cloudevents.Event) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(e)
	require.NoError(t, err)
	return s.request(t.Context(), http.MethodPost, path, "application/cloudevents+json", string(body))
}

func (s *scene) request(ctx context.Context, method, path, contentType, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", contentType)
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	return recorder
}

func (s *scene) stored(t *testing.T) []aofv1.FlowRun {
	t.Helper()
	list, err := s.store.List(t.Context(), ledger.ListOptions{})
	require.NoError(t, err)
	return list.Items
}
