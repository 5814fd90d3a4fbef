// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/quota/quotatest"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	quotatest.Test(t, func(t *testing.T) quota.Store {
		t.Helper()
		store, err := sqlite.Open(t.Context(), dir, sqlite.Options{Synchronous: sqlite.Normal})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		return quota.Documents{Ledger: store}
	})
}

func TestConfigMaps(t *testing.T) {
	t.Parallel()
	api := newAPI(quotatest.Keys...)
	quotatest.Test(t, func(*testing.T) quota.Store { return &quota.ConfigMaps{API: api} })
}

func TestConflictsChangeNothing(t *testing.T) {
	t.Parallel()
	api := newAPI(quotatest.Keys...)
	quotatest.Test(t, func(t *testing.T) quota.Store {
		t.Helper()
		if t.Name() == "TestConflictsChangeNothing/versions" {
			return &quota.ConfigMaps{API: api}
		}
		return quotatest.Spoiled(&quota.ConfigMaps{API: api})
	})
}

// api is an API server with ConfigMaps.
type api struct {
	mu      sync.Mutex
	objects map[string]*corev1.ConfigMap
	writes  int
	err     error
}

func newAPI(keys ...quota.Key) *api {
	a := &api{objects: map[string]*corev1.ConfigMap{}}
	for _, key := range keys {
		name := quota.ObjectName(key)
		a.objects[key.Namespace+"/"+name] = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: name, ResourceVersion: "1", Labels: map[string]string{names.LabelManaged: "true"},
		}}
	}
	return a
}

func (a *api) ConfigMap(_ context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.objects[namespace+"/"+name]; o != nil {
		return o.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

func (a *api) UpdateConfigMap(_ context.Context, o *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return nil, a.err
	}
	have := a.objects[o.Namespace+"/"+o.Name]
	if have == nil || have.ResourceVersion != o.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, o.Name, errors.New("it is another"))
	}
	a.writes++
	o = o.DeepCopy()
	o.ResourceVersion = strconv.Itoa(a.writes + 1)
	a.objects[o.Namespace+"/"+o.Name] = o
	return o.DeepCopy(), nil
}

func TestWhatTheControllerSaidOfAConfigMapStays(t *testing.T) {
	t.Parallel()
	key := quotatest.Keys[0]
	a := newAPI(key)
	k := &quota.Keeper{Store: &quota.ConfigMaps{API: a}, Clock: clocktesting.NewFakePassiveClock(time.Now())}
	require.NoError(t, k.Quota(t.Context(), key, func(q *guard.Quota, _ time.Time) bool { q.Seen = 1; return true }))
	o, err := a.ConfigMap(t.Context(), key.Namespace, names.Quota(key.Name))
	require.NoError(t, err)
	assert.Equal(t, "true", o.Labels[names.LabelManaged])
	assert.JSONEq(t, `{"seen":1}`, o.Data[names.KeyQuota])
}

func TestWhatCannotBeKeptIsToldOf(t *testing.T) {
	t.Parallel()
	a := newAPI(quotatest.Keys[0])
	k := &quota.Keeper{Store: &quota.ConfigMaps{API: a}, Clock: clocktesting.NewFakePassiveClock(time.Now())}
	change := func(q *guard.Quota, _ time.Time) bool { q.Seen++; return true }
	err := k.Quota(t.Context(), quota.Key{Kind: quota.Context, Namespace: "ns", Name: "none"}, change)
	require.ErrorIs(t, err, quota.ErrMissing)
	require.ErrorContains(t, err, "limits of context ns/none")
	a.err = errors.New("away")
	require.ErrorIs(t, k.Quota(t.Context(), quotatest.Keys[0], change), a.err)
	a.err = apierrors.NewConflict(schema.GroupResource{}, "x", errors.New("always"))
	require.ErrorIs(t, k.Quota(t.Context(), quotatest.Keys[0], change), quota.ErrBusy)
	a.err = nil
	require.NoError(t, k.Quota(t.Context(), quotatest.Keys[0], change))
}
