// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/trace"
	fakekube "aof.dev/operator/test/fake/kube"
	fakeslack "aof.dev/operator/test/fake/slack"
	"aof.dev/operator/test/screen"
)

const (
	slackSecret = "slack-signing-secret"
	hookSecret  = "hook-secret"
	channel     = "C0PROD0001"
	user        = "U012PLATFORM1"
	stamp       = "1700000000.000100"
	traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	runs        = "/apis/aof.dev/v1/namespaces/team/flowruns"
)

var now = time.Unix(1_700_000_000, 0)

// broker takes events and keeps them.
type broker struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	events []cloudevents.Event
	parent []string
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{status: http.StatusAccepted}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var e cloudevents.Event
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/ops/default" || json.Unmarshal(body, &e) != nil || e.Validate() != nil:
		w.WriteHeader(http.StatusBadRequest)
	case b.status > 299:
		w.WriteHeader(b.status)
	default:
		b.events = append(b.events, e)
		b.parent = append(b.parent, r.Header.Get("Traceparent"))
		w.WriteHeader(b.status)
	}
}

// cluster is what an adapter runs in.
type cluster struct {
	t      *testing.T
	api    *fakekube.Server
	broker *broker
	slack  *fakeslack.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t: t, api: fakekube.New(t), broker: newBroker(t),
		slack: fakeslack.New(t, fakeslack.WithChannel(channel, "production")),
	}
	secret := &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: names.Credentials},
		Data: map[string][]byte{"SIGNING": []byte(slackSecret), "BOT": []byte(fakeslack.Token), "HOOK": []byte(hookSecret)},
	}
	c.api.Put("/api/v1/namespaces/ops/secrets/"+names.Credentials, secret)
	c.bind("chat", "Slack", map[string]any{"signing_secret": "${SIGNING}", "bot_token": "${BOT}"}, match.Filter{Name: "binding", Channels: []string{"production"}, Patterns: []string{"pods?"}})
	c.bind("hook", "HTTP", map[string]any{"secret": "${HOOK}"}, match.Filter{Name: "binding", Patterns: []string{"pods?"}})
	return c
}

// bind puts the table of a Trigger with one binding into the cluster.
func (c *cluster) bind(trigger, kind string, config map[string]any, filter match.Filter) {
	c.t.Helper()
	table := &route.Table{
		Namespace: "ops", Trigger: trigger, Type: kind, Config: config, Broker: c.broker.URL + "/ops/default",
		Bindings: []route.Binding{{
			Rule: match.Rule{ID: "team/" + trigger, Filters: []match.Filter{filter}},
			Claim: claim.Binding{
				Namespace: "team", Name: trigger, UID: "uid", Plan: "plan-1", Flow: aofv1.ObjectReference{Namespace: "team", Name: "flow"},
				Trigger: &aofv1.ObjectReference{Namespace: "ops", Name: trigger},
			},
		}},
	}
	raw, err := table.Encode()
	require.NoError(c.t, err)
	for name, data := range map[string]map[string]string{names.Routes(trigger): {names.KeyRoutes: string(raw)}, names.Events(trigger): nil} {
		c.api.Put("/api/v1/namespaces/ops/configmaps/"+name, &corev1.ConfigMap{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: name}, Data: data,
		})
	}
}

func (c *cluster) counted(trigger string) (out fold.Arrivals) {
	c.t.Helper()
	var object corev1.ConfigMap
	if c.api.Get("/api/v1/namespaces/ops/configmaps/"+names.Events(trigger), &object) && object.Data != nil {
		require.NoError(c.t, json.Unmarshal([]byte(object.Data[names.KeyEvents]), &out))
	}
	return out
}

// running is one adapter in the cluster.
type running struct {
	*cluster
	clock *clocktesting.FakeClock
	url   string
	stop  context.CancelFunc
	ended chan error
	log   *screen.Screen
}

func (c *cluster) start() *running {
	c.t.Helper()
	log, clk := &screen.Screen{}, clocktesting.NewFakeClock(now)
	p := &process{
		clock: clk, log: slog.New(slog.NewTextHandler(log, nil)),
		getenv: func(name string) string {
			if name == "SLACK_API_URL" {
				return c.slack.URL()
			}
			return c.api.Getenv(name)
		},
	}
	d, err := p.door()
	require.NoError(c.t, err)
	listener, err := (&net.ListenConfig{}).Listen(c.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(c.t, err)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{cluster: c, clock: clk, url: "http://" + listener.Addr().String(), stop: stop, ended: make(chan error, 1), log: log}
	go func() { r.ended <- d.serve(ctx, listener) }()
	c.t.Cleanup(stop)
	return r
}

// end stops the adapter as the kubelet does.
func (r *running) end() error {
	r.stop()
	return <-r.ended
}

func (r *running) do(request *http.Request) int {
	r.t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(r.t, response.Body.Close())
	return response.StatusCode
}

func (r *running) say(secret, text string) int {
	r.t.Helper()
	request := fakeslack.SignedRequest(r.t.Context(), r.url+"/ops/chat", secret, now, fakeslack.MessageEvent(channel, user, stamp, text))
	request.Header.Set("Traceparent", traceParent)
	return r.do(request)
}

func (r *running) call(id, text string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+"/ops/hook", strings.NewReader(text))
	require.NoError(r.t, err)
	request.Header.Set("Authorization", "Bearer "+hookSecret)
	request.Header.Set("Content-Type", "text/plain")
	request.Header.Set("Webhook-Id", id)
	return r.do(request)
}

func TestSlackToBroker(t *testing.T) {
	t.Parallel()
	a := newCluster(t).start()
	require.Equal(t, http.StatusUnauthorized, a.say("wrong", "show me the pods"))
	require.Equal(t, http.StatusOK, a.say(slackSecret, "show me the pods"))
	require.Equal(t, http.StatusOK, a.say(slackSecret, "show me the pods"), "Slack sends again")
	require.NoError(t, a.end())

	require.Len(t, a.api.Paths(runs), 1)
	var run aofv1.FlowRun
	require.True(t, a.api.Get(a.api.Paths(runs)[0], &run))
	assert.Equal(t, "chat", run.Spec.Binding.Name)
	var stored cloudevents.Event
	require.NoError(t, json.Unmarshal(run.Spec.Event.Raw, &stored))
	assert.Equal(t, traceParent, trace.FromEvent(stored).Parent)
	require.NotEmpty(t, a.broker.events)
	sent, err := json.Marshal(a.broker.events[0])
	require.NoError(t, err)
	assert.JSONEq(t, string(run.Spec.Event.Raw), string(sent), "the broker has the event of the run")
	assert.Equal(t, traceParent, a.broker.parent[0])
	counted := a.counted("chat")
	assert.Equal(t, []int64{2, 2, 0, 1}, []int64{counted.Received, counted.Processed, counted.Dropped, counted.Errors})
	assert.Equal(t, map[string]fold.Compared{"team/chat": {Compared: 1, Matched: 1}}, counted.Bindings)
	for _, secret := range []string{slackSecret, hookSecret, fakeslack.Token, fakekube.Token} {
		assert.NotContains(t, a.log.String(), secret)
	}
}

func TestWebhookToBroker(t *testing.T) {
	t.Parallel()
	a := newCluster(t).start()
	require.Equal(t, http.StatusAccepted, a.call("1", "the pods are down"))
	require.Equal(t, http.StatusAccepted, a.call("2", "all is well"))
	require.NoError(t, a.end())
	assert.Len(t, a.api.Paths(runs), 1)
	assert.Len(t, a.broker.events, 1)
	counted := a.counted("hook")
	assert.Equal(t, []int64{2, 1, 1, 0}, []int64{counted.Received, counted.Processed, counted.Dropped, counted.Errors})
}

func TestCountsAreWrittenWhileItServes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	written := make(chan struct{})
	var once sync.Once
	c.api.Trouble(func(m fakekube.Moment, method, path string) int {
		if m == fakekube.After && method == http.MethodPut && strings.HasSuffix(path, names.Events("hook")) {
			once.Do(func() { close(written) })
		}
		return 0
	})
	a := c.start()
	require.Equal(t, http.StatusAccepted, a.call("1", "the pods are down"))
	require.Eventually(t, a.clock.HasWaiters, 10*time.Second, time.Millisecond)
	a.clock.Step(flushEvery)
	<-written
	assert.Equal(t, int64(1), a.counted("hook").Received)
	require.NoError(t, a.end())
	assert.Equal(t, int64(1), a.counted("hook").Received)
}

func TestAPIDown(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start()
	require.Equal(t, http.StatusAccepted, a.call("0", "pods"))
	c.api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusServiceUnavailable })
	require.Equal(t, http.StatusServiceUnavailable, a.call("1", "the pods are down"), "nothing is acknowledged")
	require.Equal(t, http.StatusServiceUnavailable, a.say(slackSecret, "show me the pods"))
	c.api.Trouble(nil)
	require.Equal(t, http.StatusAccepted, a.call("1", "the pods are down"), "the platform tries again")
	require.Equal(t, http.StatusOK, a.say(slackSecret, "show me the pods"))
	require.NoError(t, a.end())
	assert.Len(t, c.api.Paths(runs), 3)
}

func TestBrokerDown(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.broker.status = http.StatusServiceUnavailable
	a := c.start()
	require.Equal(t, http.StatusOK, a.say(slackSecret, "show me the pods"), "what is claimed is acknowledged")
	c.broker.CloseClientConnections()
	c.broker.Close()
	require.Equal(t, http.StatusAccepted, a.call("1", "the pods are down"))
	require.NoError(t, a.end())
	assert.Len(t, c.api.Paths(runs), 2)
	assert.Equal(t, int64(1), a.counted("chat").Unsent)
	assert.Equal(t, int64(1), a.counted("hook").Unsent)
}

// TestCrashBetweenClaimAndSend has the process die when the claim stands and
// nothing has been sent.
func TestCrashBetweenClaimAndSend(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	crashed, released := make(chan struct{}), make(chan struct{})
	var crashing atomic.Bool
	crashing.Store(true)
	c.api.Trouble(func(m fakekube.Moment, method, path string) int {
		if m == fakekube.After && method == http.MethodPost && path == runs && crashing.CompareAndSwap(true, false) {
			close(crashed)
			<-released // the process never hears the answer
			return http.StatusInternalServerError
		}
		return 0
	})
	first := c.start()
	request := fakeslack.SignedRequest(t.Context(), first.url+"/ops/chat", slackSecret, now, fakeslack.MessageEvent(channel, user, stamp, "show me the pods"))
	ctx, hangUp := context.WithCancel(t.Context())
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if response, err := http.DefaultClient.Do(request.WithContext(ctx)); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-crashed
	hangUp()
	<-asked
	require.Len(t, c.api.Paths(runs), 1)
	var run aofv1.FlowRun
	require.True(t, c.api.Get(c.api.Paths(runs)[0], &run))
	assert.Empty(t, run.Status.Phase, "Pending: the controller's sweep finds it")
	assert.NotEmpty(t, run.Spec.Event.Raw, "with all that is needed to carry it out")
	assert.Empty(t, c.broker.events)

	second := c.start()
	require.Equal(t, http.StatusOK, second.say(slackSecret, "show me the pods"), "Slack, who heard no answer, sends again")
	assert.Len(t, c.api.Paths(runs), 1)
	assert.Len(t, c.broker.events, 1)
	close(released)
	require.NoError(t, first.end())
	require.NoError(t, second.end())
}

func TestTwoAdaptersCountTogether(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	adapters := []*running{c.start(), c.start()}
	const each = 20
	var wg sync.WaitGroup
	for i, a := range adapters {
		wg.Go(func() {
			for n := range each {
				assert.Equal(t, http.StatusAccepted, a.call(string(rune('a'+i))+string(rune('a'+n)), "pods"))
				a.clock.Step(flushEvery)
			}
		})
	}
	wg.Wait()
	for _, a := range adapters {
		require.NoError(t, a.end())
	}
	counted := c.counted("hook")
	assert.Equal(t, int64(2*each), counted.Received)
	assert.Equal(t, map[string]fold.Compared{"team/hook": {Compared: 2 * each, Matched: 2 * each}}, counted.Bindings)
}

func TestATokenThatRunsOutEndsTheProcess(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start()
	require.Equal(t, http.StatusAccepted, a.call("1", "pods"))
	c.api.Revoke()
	require.Equal(t, http.StatusServiceUnavailable, a.call("2", "pods"))
	require.ErrorIs(t, <-a.ended, kubeapi.ErrUnauthorized)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	a := newCluster(t).start()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+pathHealth, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, a.do(request))
	require.NoError(t, a.end())
	for _, r := range a.api.Requests() {
		assert.Equal(t, "GET /livez", r, "nothing is read before somebody asks")
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		"no API":       {code: 1, says: names.EnvAPIServer},
		"no token":     {env: map[string]string{names.EnvAPIServer: "https://api"}, code: 1, says: names.EnvAPIToken},
		"no such flag": {args: []string{"--nonsense"}, code: 2, says: "nonsense"},
		"no level":     {args: []string{"--log-level", "loud"}, code: 2, says: "log-level"},
		"no address":   {args: []string{"--address", "nowhere"}, env: map[string]string{names.EnvAPIServer: "https://api", names.EnvAPIToken: "x"}, code: 1, says: "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr screen.Screen
			code := run(t.Context(), tt.args, func(name string) string { return tt.env[name] }, &stderr)
			assert.Equal(t, tt.code, code)
			assert.Contains(t, stderr.String(), tt.says)
		})
	}
}
