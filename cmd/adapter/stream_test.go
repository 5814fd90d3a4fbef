// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	fakekube "aof.dev/operator/test/fake/kube"
	fakeslack "aof.dev/operator/test/fake/slack"
	"aof.dev/operator/test/screen"
)

var chat = types.NamespacedName{Namespace: "ops", Name: "chat"}

// streaming is a process that keeps the connection of ops/chat open.
type streaming struct {
	*cluster
	socket *fakeslack.Socket
	stop   context.CancelFunc
	ended  chan error
	log    *screen.Screen
}

func startStream(t *testing.T) *streaming {
	t.Helper()
	c := newCluster(t)
	c.api.Put("/api/v1/namespaces/ops/secrets/"+names.Credentials, &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: names.Credentials},
		Data: map[string][]byte{"APP": []byte(fakeslack.AppToken)},
	})
	c.bind("chat", "Slack", map[string]any{"app_token": "${APP}"}, match.Filter{Name: "binding", Patterns: []string{"pods?"}})
	s := &streaming{cluster: c, socket: fakeslack.NewSocket(t), ended: make(chan error, 1), log: &screen.Screen{}}
	p := &process{
		clock: clocktesting.NewFakeClock(now), log: slog.New(slog.NewTextHandler(s.log, nil)),
		getenv: func(name string) string {
			if name == "SLACK_API_URL" {
				return s.socket.URL()
			}
			return c.api.Getenv(name)
		},
	}
	d, err := p.door()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	alone := func(ctx context.Context, run func(context.Context)) error {
		run(ctx)
		return nil
	}
	go func() { s.ended <- d.stream(ctx, []types.NamespacedName{chat}, alone) }()
	t.Cleanup(stop)
	return s
}

func TestSlackOverAConnection(t *testing.T) {
	t.Parallel()
	s := startStream(t)
	id := s.socket.Send("events_api", fakeslack.MessageEvent(channel, user, stamp, "show me the pods"))
	assert.Equal(t, id, <-s.socket.Acks)
	assert.Len(t, s.api.Paths(runs), 1, "what is acknowledged is claimed")
	id = s.socket.Send("events_api", fakeslack.MessageEvent(channel, user, "1700000000.000200", "all is well"))
	assert.Equal(t, id, <-s.socket.Acks)
	s.stop()
	require.NoError(t, <-s.ended)
	require.Len(t, s.broker.events, 1)
	counted := s.counted("chat")
	assert.Equal(t, []int64{2, 1, 1, 0}, []int64{counted.Received, counted.Processed, counted.Dropped, counted.Errors})
	assert.NotContains(t, s.log.String(), fakeslack.AppToken)
}

func TestAConnectionAcknowledgesNothingThatIsNotClaimed(t *testing.T) {
	t.Parallel()
	s := startStream(t)
	var down atomic.Bool
	refused := make(chan struct{}, 10)
	down.Store(true)
	s.api.Trouble(func(m fakekube.Moment, method, _ string) int {
		if m == fakekube.Before && method == http.MethodPost && down.Load() {
			refused <- struct{}{}
			return http.StatusServiceUnavailable
		}
		return 0
	})
	body := fakeslack.MessageEvent(channel, user, stamp, "show me the pods")
	s.socket.Send("events_api", body)
	<-refused
	down.Store(false)
	again := s.socket.Send("events_api", body)
	assert.Equal(t, again, <-s.socket.Acks)
	assert.Len(t, s.api.Paths(runs), 1)
	s.stop()
	require.NoError(t, <-s.ended)
	assert.Empty(t, s.socket.Acks)
}

func TestATriggerInSocketModeTakesNoRequests(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.bind("hook", "Slack", map[string]any{"app_token": "x"}, match.Filter{Name: "binding"})
	a := c.start()
	assert.Equal(t, http.StatusServiceUnavailable, a.call("1", "pods"))
	require.NoError(t, a.end())
}

func TestATokenThatRunsOutEndsTheStreams(t *testing.T) {
	t.Parallel()
	s := startStream(t)
	id := s.socket.Send("events_api", fakeslack.MessageEvent(channel, user, stamp, "show me the pods"))
	assert.Equal(t, id, <-s.socket.Acks)
	s.api.Revoke()
	s.socket.Send("events_api", fakeslack.MessageEvent(channel, user, "1700000000.000200", "show me the pods"))
	require.ErrorIs(t, <-s.ended, kubeapi.ErrUnauthorized)
}

func TestParseStreams(t *testing.T) {
	t.Parallel()
	keys, err := parseStreams(" ops/chat, ,team/other ")
	require.NoError(t, err)
	assert.Equal(t, []types.NamespacedName{chat, {Namespace: "team", Name: "other"}}, keys)
	keys, err = parseStreams("")
	require.NoError(t, err)
	assert.Empty(t, keys)
	for _, list := range []string{"ops", "/chat", "ops/", "a/b/c"} {
		_, err := parseStreams(list)
		require.ErrorContains(t, err, names.EnvStreams, list)
	}
}
