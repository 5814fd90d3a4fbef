// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"aof.dev/operator/pkg/ledger"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/test/apiserver"
)

// What the ledger allows, the API takes, with who wrote what beside it.
func TestARunMayBeAsLargeAsTheLedgerSays(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	store := ledgerkube.New(s.AOF(t).AofV1().RESTClient())
	sized := func(name string, bytes int) []byte { return []byte(`{"x":"` + strings.Repeat(name, bytes) + `"}`) }

	run := ledgertest.Run(namespace, "large")
	run.Spec.Event.Raw = sized("a", 900<<10)
	require.NoError(t, store.Create(t.Context(), run))
	got, err := store.Get(t.Context(), namespace, "large")
	require.NoError(t, err)
	assert.JSONEq(t, string(run.Spec.Event.Raw), string(got.Spec.Event.Raw))

	run = ledgertest.Run(namespace, "largest")
	run.Spec.Event.Raw = sized("a", ledger.MaxRunBytes-1000)
	require.NoError(t, store.Create(t.Context(), run))
	run = ledgertest.Run(namespace, "too-large")
	run.Spec.Event.Raw = sized("a", ledger.MaxRunBytes)
	require.ErrorIs(t, store.Create(t.Context(), run), ledger.ErrTooLarge)
}

// The API has limits of its own; pkg/ledger/kube knows them by these words.
func TestTheAPIsOwnLimitsSayWhatWeKnow(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	namespace := s.Namespace(t)
	client := s.AOF(t).AofV1().FlowRuns(namespace)
	for words, kilobytes := range map[string]int{
		"etcdserver: request is too large": 1700, "trying to send message larger than max": 2048, "Request entity too large": 4096,
	} {
		run := ledgertest.Run(namespace, "too-large")
		run.Spec.Event.Raw = []byte(`{"x":"` + strings.Repeat("a", kilobytes<<10) + `"}`)
		_, err := client.Create(t.Context(), run, metav1.CreateOptions{})
		require.ErrorContains(t, err, words)
	}
}
