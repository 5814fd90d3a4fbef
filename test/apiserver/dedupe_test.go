// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/once/oncetest"
	"aof.dev/operator/test/apiserver"
)

// The suite that the fake passes, with the API's own idea of versions; four
// claimers race for the run of fifty events among others.
func TestBusinessKeysConformance(t *testing.T) {
	t.Parallel()
	s := apiserver.Shared(t)
	api, err := kubeapi.New(s.Config)
	require.NoError(t, err)
	leases, err := api.Leases()
	require.NoError(t, err)
	oncetest.Run(t, func(t *testing.T) oncetest.World {
		t.Helper()
		return oncetest.World{Namespace: s.Namespace(t), Keys: lease.New(leases), Runs: ledgerkube.New(api.AOF().RESTClient())}
	})
}

// Of the Leases of others the operator's processes write none, whatever RBAC would
// let them.
func TestNoLeaseButThoseOfBusinessKeysIsWritten(t *testing.T) {
	t.Parallel()
	s := installed(t)
	write := func(ctx context.Context, user, name string) error {
		client, err := kubernetes.NewForConfig(s.As(user))
		if err != nil {
			return err
		}
		l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err = client.CoordinationV1().Leases("team-a").Create(ctx, l, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	const refusal = "the operator writes no Leases but those of business keys"
	for _, user := range []string{controller, adapter, runnerA} {
		// The API server takes a moment to hold to the policy.
		require.NoError(t, wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			err := write(ctx, user, "leader")
			return err != nil && strings.Contains(err.Error(), refusal), nil
		}), user)
		assert.NoError(t, write(t.Context(), user, "aof-dedupe-x"), user)
	}

	theirs := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}
	_, err := s.Kube(t).CoordinationV1().Leases("team-a").Create(t.Context(), theirs, metav1.CreateOptions{})
	require.NoError(t, err, "of others nothing is asked")
	as, err := kubernetes.NewForConfig(s.As(controller))
	require.NoError(t, err)
	require.ErrorContains(t, as.CoordinationV1().Leases("team-a").Delete(t.Context(), "theirs", metav1.DeleteOptions{}), refusal)
}
