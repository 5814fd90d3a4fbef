// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/route"
	fakekube "aof.dev/operator/test/fake/kube"
)

// onceFor has the binding with that word take events of one text for one thing.
func onceFor(table *route.Table, word string) *route.Table {
	for i := range table.Bindings {
		if c := &table.Bindings[i].Claim; c.Name == word {
			c.Dedupe = &dedupe.Rule{Key: "${event.text}", Window: time.Hour}
		}
	}
	return table
}

func TestADuplicateStartsNothing(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, onceFor(hook("pod"), "pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code)
	require.Equal(t, http.StatusAccepted, p.post("2", "pod").Code, "the platform need not send it again")
	require.Equal(t, http.StatusAccepted, p.post("1", "pod").Code, "this one is the first again")
	require.Equal(t, http.StatusAccepted, p.post("3", "another pod").Code)
	assert.Len(t, p.runs(), 2)
	var signalled []string
	for _, e := range p.broker.events() {
		signalled = append(signalled, e.ID())
	}
	assert.Equal(t, []string{"1", "1", "3"}, signalled, "nobody is woken for a duplicate")
	p.counts.Flush(t.Context())
	assertCounts(t, api, 4, 3, 0, 0, map[string]fold.Compared{"team/pod": {Compared: 3, Matched: 2, Duplicates: 1}})
	assert.Equal(t, int64(1), document(t, api).Duplicates)
	assert.Contains(t, p.logged(), "an event with the same key started run pod-")
}

func TestADuplicateForOneRunsForTheOthers(t *testing.T) {
	t.Parallel()
	api := fakekube.New(t)
	put(t, api, onceFor(hook("pod", "down"), "pod"))
	p := start(t, api, "a")
	require.Equal(t, http.StatusAccepted, p.post("1", "a pod is down").Code)
	require.Equal(t, http.StatusAccepted, p.post("2", "a pod is down").Code)
	assert.Len(t, p.runs(), 3)
	sent := p.broker.events()
	require.Len(t, sent, 2)
	assert.Equal(t, "|team/down|team/pod|", sent[0].Extensions()[event.ExtensionMatch])
	assert.Equal(t, "|team/down|", sent[1].Extensions()[event.ExtensionMatch])
	p.counts.Flush(t.Context())
	assertCounts(t, api, 2, 2, 0, 0, map[string]fold.Compared{
		"team/pod": {Compared: 2, Matched: 1, Duplicates: 1}, "team/down": {Compared: 2, Matched: 2},
	})
	assert.Zero(t, document(t, api).Duplicates, "it started a run")
}
