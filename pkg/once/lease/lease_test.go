// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	aofclient "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/once/oncetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestStore(t *testing.T) {
	t.Parallel()
	oncetest.Run(t, func(t *testing.T) oncetest.World {
		t.Helper()
		client, err := aofclient.NewForConfig(&rest.Config{Host: "http://api", Transport: &ledgertest.API{}, QPS: -1})
		require.NoError(t, err)
		return oncetest.World{Namespace: "ns", Keys: lease.New(&oncetest.Leases{}), Runs: kube.New(client.RESTClient())}
	})
}

func TestALeaseGoesWithItsBinding(t *testing.T) {
	t.Parallel()
	leases := &oncetest.Leases{}
	record := once.Record{
		Namespace: "ns", Name: "aof-dedupe-x", Binding: "b", BindingUID: "u", Trigger: "ns/hook",
		Entry: dedupe.Entry{Run: "r", First: noon, Until: noon.Add(time.Hour), Claimed: noon.Add(time.Minute), Made: true, Duplicates: 2},
	}
	require.NoError(t, lease.New(leases).Save(t.Context(), &record))
	stored, err := leases.Lease(t.Context(), "ns", "aof-dedupe-x")
	require.NoError(t, err)
	assert.Equal(t, []metav1.OwnerReference{{APIVersion: "aof.dev/v1", Kind: "FlowBinding", Name: "b", UID: "u"}}, stored.OwnerReferences)
	assert.Equal(t, map[string]string{"aof.dev/managed": "true", "aof.dev/kind": "dedupe", "aof.dev/binding": "b"}, stored.Labels)
	assert.Equal(t, int32(3600), *stored.Spec.LeaseDurationSeconds)
	assert.Equal(t, "r", *stored.Spec.HolderIdentity)
	assert.Equal(t, record, lease.Read(stored))
}

// What somebody else put in the place of an entry is over, so that events go on.
func TestALeaseThatSaysNothingIsOver(t *testing.T) {
	t.Parallel()
	record := lease.Read(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "aof-dedupe-x", ResourceVersion: "7"}})
	assert.True(t, record.Entry.Expired(noon))
	step, _ := dedupe.Decide(&record.Entry, "r", time.Hour, dedupe.Unknown, noon)
	assert.Equal(t, dedupe.Take, step)
}

type broken struct{ oncetest.Leases }

func (*broken) Lease(context.Context, string, string) (*coordinationv1.Lease, error) {
	return nil, errors.New("no route to host")
}

func (*broken) CreateLease(context.Context, *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	return nil, apierrors.NewForbidden(coordinationv1.Resource("leases"), "x", nil)
}

func TestErrorsAreTheAPIs(t *testing.T) {
	t.Parallel()
	store := lease.New(&broken{})
	_, _, err := store.Load(t.Context(), "ns", "x")
	require.EqualError(t, err, "no route to host")
	assert.True(t, apierrors.IsForbidden(store.Save(t.Context(), &once.Record{Namespace: "ns", Name: "x"})))
}
