// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/manifest"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
)

// fakeAPI is as much of a Kubernetes API as a runner needs.
type fakeAPI struct {
	mu     sync.Mutex
	plan   *corev1.ConfigMap
	runs   map[string]*aofv1.FlowRun
	writes int
	token  string
	// greeted is closed by the first request, which connects.
	greeted chan struct{}
	once    sync.Once
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.once.Do(func() { close(f.greeted) })
	w.Header().Set("Content-Type", "application/json")
	reply := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	failure := func(code int32, reason metav1.StatusReason) {
		reply(int(code), metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: reason, Code: code})
	}
	if r.Header.Get("Authorization") != "Bearer "+f.token {
		failure(http.StatusUnauthorized, metav1.StatusReasonUnauthorized)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/apis/aof.dev/v1/namespaces/quickstart/flowruns/")
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/quickstart/configmaps/"):
		reply(http.StatusOK, f.plan)
	case r.Method == http.MethodGet:
		if run := f.runs[name]; run != nil {
			reply(http.StatusOK, run)
			return
		}
		failure(http.StatusNotFound, metav1.StatusReasonNotFound)
	default:
		run := &aofv1.FlowRun{}
		if err := json.NewDecoder(r.Body).Decode(run); err != nil {
			failure(http.StatusBadRequest, metav1.StatusReasonBadRequest)
			return
		}
		f.writes++
		run.UID, run.ResourceVersion = types.UID("u-"+run.Name), string(rune('0'+f.writes))
		f.runs[run.Name] = run
		reply(http.StatusOK, run)
	}
}

// quickstart is a runner of examples/quickstart, and its environment.
func quickstart(t *testing.T) (*fakeAPI, *server, map[string]string) {
	t.Helper()
	dir := filepath.Join("..", "..", "examples", "quickstart")
	objects, problems := manifest.Load([]string{filepath.Join(dir, "quickstart.yaml")}, manifest.Options{})
	require.Empty(t, manifest.Errors(problems))
	compiled, err := plan.Binding(find[*aofv1.FlowBinding](t, objects), world{t, objects})
	require.NoError(t, err)
	raw, err := compiled.Encode()
	require.NoError(t, err)
	api := &fakeAPI{token: "t", greeted: make(chan struct{}), runs: map[string]*aofv1.FlowRun{}, plan: &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{names.LabelKind: names.KindPlan}},
		Data:       map[string]string{names.KeyPlan: string(raw)},
	}}
	kube := httptest.NewTLSServer(api)
	t.Cleanup(kube.Close)
	replies, err := os.ReadFile(filepath.Join(dir, "replies.yaml"))
	require.NoError(t, err)
	env := map[string]string{
		names.EnvAPIServer: kube.URL, names.EnvAPIToken: "t", names.EnvNamespace: "quickstart", "REPLIES_YAML": string(replies),
		names.EnvAPICA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kube.Certificate().Raw})),
	}
	p := &process{getenv: of(env), clock: clock.RealClock{}, log: slog.New(slog.DiscardHandler), stdout: io.Discard, hide: func() error { return nil }}
	s, err := p.server(t.Context())
	require.NoError(t, err)
	return api, s, env
}

func find[T manifest.Resource](t *testing.T, objects []*manifest.Object) T {
	t.Helper()
	for _, o := range objects {
		if found, ok := o.Object.(T); ok {
			return found
		}
	}
	require.Fail(t, "not in the composition")
	panic("unreachable")
}

// world finds the only object of each kind.
type world struct {
	t       *testing.T
	objects []*manifest.Object
}

func (w world) Trigger(types.NamespacedName) *aofv1.Trigger {
	return find[*aofv1.Trigger](w.t, w.objects)
}

func (w world) Context(types.NamespacedName) *aofv1.Context {
	return find[*aofv1.Context](w.t, w.objects)
}

func (w world) Flow(types.NamespacedName) *aofv1.AgentFlow {
	return find[*aofv1.AgentFlow](w.t, w.objects)
}

func (w world) Agent(types.NamespacedName) *aofv1.Agent { return find[*aofv1.Agent](w.t, w.objects) }

func (w world) Fleet(types.NamespacedName) *aofv1.AgentFleet {
	return nil
}

// serving serves until the test ends, and gives the address and how it ended.
func serving(t *testing.T, s *server) (url string, ended <-chan error) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.serve(t.Context(), listener) }()
	return "http://" + listener.Addr().String(), done
}

func post(t *testing.T, url string) int {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "examples", "quickstart", "event.json"))
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+names.BindingPath("web-triage", "p"), strings.NewReader(string(body)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/cloudevents+json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { assert.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode < 300 {
		assert.Empty(t, string(text))
	}
	return response.StatusCode
}

func TestTheQuickstartRuns(t *testing.T) {
	t.Parallel()
	api, s, _ := quickstart(t)
	url, _ := serving(t, s)
	require.Equal(t, http.StatusOK, post(t, url))
	require.Len(t, api.runs, 1)
	for _, run := range api.runs {
		require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase, "%+v", run.Status.Error)
		assert.Contains(t, run.Status.Result.Text, "URGENT (demo): The disk of the database is nearly full")
	}
}

func TestATokenThatIsNotTakenEndsTheProcess(t *testing.T) {
	t.Parallel()
	api, s, _ := quickstart(t)
	url, ended := serving(t, s)
	<-api.greeted
	api.mu.Lock()
	api.token = "renewed"
	api.mu.Unlock()
	assert.Equal(t, http.StatusServiceUnavailable, post(t, url), "whoever asked is told to come again")
	require.ErrorIs(t, <-ended, kubeapi.ErrUnauthorized)
	assert.Empty(t, api.runs)
}

func TestSigtermEndsTheProcess(t *testing.T) {
	t.Parallel()
	_, s, _ := quickstart(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, s.serve(ctx, listener))
}

// Knative's proxy keeps its connections open, and a namespace that is deleted
// waits for its pods.
func TestAConnectionThatIsIdleHoldsNothingUp(t *testing.T) {
	t.Parallel()
	_, s, _ := quickstart(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, listener) }()
	require.Equal(t, http.StatusOK, post(t, "http://"+listener.Addr().String()))
	stop()
	require.NoError(t, <-ended, "an error says that it waited as long as it may")
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ variable, value, want string }{
		"no server":      {names.EnvAPIServer, "", names.EnvAPIServer},
		"no namespace":   {names.EnvNamespace, "", names.EnvNamespace},
		"no duration":    {names.EnvRunnerTimeout, "soon", names.EnvRunnerTimeout},
		"no networks":    {envAllow, "everything", envAllow},
		"no networks, 2": {envDeny, "everything", envDeny},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, env := quickstart(t)
			env[test.variable] = test.value
			var said strings.Builder
			assert.Equal(t, 1, run(t.Context(), []string{"--address", "127.0.0.1:0"}, of(env), io.Discard, &said))
			assert.Contains(t, said.String(), test.want)
		})
	}
}

func TestProgramsAreOnlyThoseTheImageNames(t *testing.T) {
	t.Parallel()
	errHide := errors.New("hidden")
	p := &process{getenv: of(map[string]string{}), clock: clock.RealClock{}, hide: func() error { return errHide }}
	scripts, err := p.scripts()
	require.NoError(t, err)
	policy := scripts.Policy()
	assert.False(t, policy.AllowExec || policy.AllowRead || policy.AllowWrite)

	p.getenv = of(map[string]string{envCommands: "kubectl, jq", "PATH": "/usr/bin"})
	_, err = p.scripts()
	require.ErrorIs(t, err, errHide, "no program starts before the environment is hidden")
	p.hide = func() error { return nil }
	scripts, err = p.scripts()
	require.NoError(t, err)
	policy = scripts.Policy()
	assert.True(t, policy.AllowExec)
	assert.Equal(t, []string{"kubectl", "jq"}, policy.Commands)
	assert.False(t, policy.AllowRead || policy.AllowWrite)
}
