// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	fakekube "aof.dev/operator/test/fake/kube"
)

func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook("pod", "disk")
	table.Config = map[string]any{"secret": "s3cret"}
	put(t, api, table)
	p := start(t, api, "a")
	auth := []string{"Authorization", "Bearer s3cret"}
	require.Equal(t, http.StatusAccepted, p.post("1", "pod", auth...).Code)
	require.Equal(t, http.StatusAccepted, p.post("2", "disk and pod", auth...).Code)
	require.Equal(t, http.StatusAccepted, p.post("3", "all is well", auth...).Code)
	require.Equal(t, http.StatusUnauthorized, p.post("4", "pod").Code)
	p.counts.Flush(t.Context())
	assertCounts(t, api, 3, 2, 1, 1, map[string]fold.Compared{"team/pod": {Compared: 3, Matched: 2}, "team/disk": {Compared: 3, Matched: 1}})

	require.Equal(t, http.StatusAccepted, p.post("5", "pod", auth...).Code)
	p.counts.Flush(t.Context())
	assertCounts(t, api, 4, 3, 1, 1, map[string]fold.Compared{"team/pod": {Compared: 4, Matched: 3}, "team/disk": {Compared: 4, Matched: 1}})
}

func TestNothingIsWrittenWhenNothingCame(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	p.counts.Flush(t.Context())
	assert.Empty(t, api.Requests())
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	p.counts.Flush(t.Context())
	before := len(api.Requests())
	p.counts.Flush(t.Context())
	assert.Len(t, api.Requests(), before)
}

func TestCountsAreWrittenFromTimeToTime(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	clk := clocktesting.NewFakeClock(now)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan struct{})
	api.Trouble(func(m fakekube.Moment, method, path string) int {
		if m == fakekube.After && method == http.MethodPut && path == eventsPath {
			close(written)
		}
		return 0
	})
	var wg sync.WaitGroup
	ticker := clk.NewTicker(2 * time.Second)
	wg.Go(func() { p.counts.Run(ctx, ticker) })
	clk.Step(2 * time.Second)
	<-written
	stop()
	wg.Wait()
	assert.Equal(t, int64(1), document(t, api).Received)
}

func TestProcessesThatCountAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	const processes, events = 4, 25
	var wg sync.WaitGroup
	all := make([]*process, processes)
	for i := range processes {
		all[i] = start(t, api, strconv.Itoa(i))
		wg.Go(func() {
			for n := range events {
				assert.Equal(t, http.StatusAccepted, all[i].post(fmt.Sprintf("%d-%d", i, n), "pod").Code)
				all[i].counts.Flush(t.Context())
			}
		})
	}
	wg.Wait()
	for _, p := range all {
		p.counts.Flush(t.Context())
	}
	const n = processes * events
	assertCounts(t, api, n, n, 0, 0, map[string]fold.Compared{"team/pod": {Compared: n, Matched: n}})
	assert.Len(t, document(t, api).Writers, processes)
}

func TestCountsSurviveTrouble(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		moment fakekube.Moment
		method string
		status int
		calls  int // how many of the calls fail
	}{
		{"no answer to the read", fakekube.Before, http.MethodGet, 500, 3},
		{"refused", fakekube.Before, http.MethodPut, 403, 3},
		{"conflict", fakekube.Before, http.MethodPut, 409, 25},
		{"failed", fakekube.Before, http.MethodPut, 500, 3},
		{"answer lost", fakekube.After, http.MethodPut, 500, 1},
		{"answer lost again and again", fakekube.After, http.MethodPut, 504, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := fakekube.New(t)
			put(t, api, hook("pod"))
			p := start(t, api, "a")
			require.Equal(t, http.StatusAccepted, p.post("0", "pod").Code)
			left := tt.calls
			api.Trouble(func(m fakekube.Moment, method, path string) int {
				if path == eventsPath && method == tt.method && m == tt.moment && left > 0 {
					left--
					return tt.status
				}
				return 0
			})
			for i := range 6 {
				require.Equal(t, http.StatusAccepted, p.post("x"+strconv.Itoa(i), "pod").Code)
				p.counts.Flush(t.Context())
			}
			p.counts.Flush(t.Context())
			assert.Zero(t, left)
			assertCounts(t, api, 7, 7, 0, 0, map[string]fold.Compared{"team/pod": {Compared: 7, Matched: 7}})
		})
	}
}

// TestALateWriteIsFoundOut has a write arrive after the process gave it up, and
// another process write in between.
func TestALateWriteIsFoundOut(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p, other := start(t, api, "a"), start(t, api, "b")
	require.Equal(t, http.StatusAccepted, p.post("0", "pod").Code)
	p.counts.Flush(t.Context())

	lost := true
	api.Trouble(func(m fakekube.Moment, method, path string) int {
		if lost && path == eventsPath && method == http.MethodPut && m == fakekube.After {
			lost = false
			return http.StatusGatewayTimeout
		}
		return 0
	})
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	p.counts.Flush(t.Context())
	require.Equal(t, http.StatusAccepted, other.post("2", "pod").Code)
	other.counts.Flush(t.Context())
	require.Equal(t, http.StatusAccepted, p.post("3", "pod").Code)
	p.counts.Flush(t.Context())
	assertCounts(t, api, 4, 4, 0, 0, map[string]fold.Compared{"team/pod": {Compared: 4, Matched: 4}})
}

func TestCountsOfATriggerThatIsGoneAreGivenUp(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	api.Trouble(func(fakekube.Moment, string, string) int { return http.StatusForbidden })
	for range 5 {
		p.counts.Flush(t.Context())
	}
	before := len(api.Requests())
	p.counts.Flush(t.Context())
	assert.Len(t, api.Requests(), before)
	assert.Contains(t, p.logged(), "counts given up")
}

func TestCountsWaitForTheirDocument(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	var object corev1.ConfigMap
	require.True(t, api.Get(eventsPath, &object))
	api.Remove(eventsPath)
	p.counts.Flush(t.Context())
	assert.Zero(t, api.Count(http.MethodPost, "configmaps"), "the controller makes it")
	api.Put(eventsPath, &object)
	p.counts.Flush(t.Context())
	assert.Equal(t, int64(1), document(t, api).Received)
}

func TestCountsThatCannotBeReadBeginAnew(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, hook("pod"))
	api.Put(eventsPath, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: "aof-events-hook"}, Data: map[string]string{names.KeyEvents: "{"},
	})
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	p.counts.Flush(t.Context())
	assert.Equal(t, int64(1), document(t, api).Received)
	assert.Contains(t, p.logged(), "begin anew")
}

func TestADocumentDoesNotGrowWithBindingsThatAreGone(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	table := hook()
	for i := range 1001 {
		one := hook("pod").Bindings[0]
		one.Rule.ID, one.Claim.Name = fmt.Sprintf("team/b%d", i), fmt.Sprintf("b%d", i)
		table.Bindings = append(table.Bindings, one)
	}
	put(t, api, table)
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "all is well").Code)
	p.counts.Flush(t.Context())
	require.Len(t, document(t, api).Bindings, 1001)
	table.Bindings = table.Bindings[:10]
	put(t, api, table)
	p.clock.SetTime(now.Add(2 * time.Second))
	require.Equal(t, http.StatusAccepted, p.post("2", "all is well").Code)
	p.counts.Flush(t.Context())
	have := document(t, api)
	assert.Len(t, have.Bindings, 10)
	assert.Equal(t, fold.Compared{Compared: 2}, have.Bindings["team/b0"])
}
