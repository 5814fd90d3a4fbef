// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package installation

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	kit "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/token"
)

const (
	home = "aof-system"
	key  = home + "/aof-adapter"
)

// keeper remembers what it was asked for.
type keeper struct {
	asked []token.Request
	rest  time.Duration
	err   error
}

func (k *keeper) Ensure(_ context.Context, r token.Request) (time.Duration, error) {
	k.asked = append(k.asked, r)
	return k.rest, k.err
}

func constructWith(k *keeper) kit.Constructor {
	return func(ctx context.Context, l *kit.Listers) controller.Reconciler {
		triggers := l.IndexerFor(&aofv1.Trigger{})
		if err := triggers.AddIndexers(Indexers(needs)); err != nil {
			panic(err)
		}
		return New(Dependencies{
			Kube: kubeclient.Get(ctx), Tokens: k, Triggers: triggers, Accounts: l.ServiceAccounts(), Secrets: l.Secrets(),
			Deployments: l.Deployments(), System: home,
		})
	}
}

func needs(t *aofv1.Trigger) bool { return t.Spec.Type == aofv1.TriggerSlack }

func account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: names.Adapter, UID: "uid"}}
}

func streams(replicas int32, of ...string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: names.Stream}, Spec: appsv1.DeploymentSpec{Replicas: &replicas}}
	c := corev1.Container{Name: "stream", Image: "adapter", Env: []corev1.EnvVar{{Name: "OTHER", Value: "stays"}}}
	for _, list := range of {
		c.Env = append(c.Env, corev1.EnvVar{Name: names.EnvStreams, Value: list})
	}
	d.Spec.Template.Spec.Containers = []corev1.Container{c}
	return d
}

func aTrigger(kind aofv1.TriggerType) *aofv1.Trigger {
	return &aofv1.Trigger{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "t"}, Spec: aofv1.TriggerSpec{Type: kind}}
}

func settle(t *testing.T, k *keeper, objects ...runtime.Object) *kit.Settled {
	t.Helper()
	return kit.Settle(t, constructWith(k), rtesting.TableRow{Key: key, Objects: objects})
}

func TestStreamsRunWhileTheyAreNeeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trigger aofv1.TriggerType
		before  *appsv1.Deployment
		after   *appsv1.Deployment
	}{
		"one is needed":             {aofv1.TriggerSlack, streams(0), streams(1, "ns/t")},
		"one is needed and runs":    {aofv1.TriggerSlack, streams(1, "ns/t"), streams(1, "ns/t")},
		"another one is needed":     {aofv1.TriggerSlack, streams(1, "ns/old"), streams(1, "ns/t")},
		"none is needed":            {aofv1.TriggerHTTP, streams(0), streams(0)},
		"none is needed any more":   {aofv1.TriggerHTTP, streams(1, "ns/t"), streams(0, "ns/t")},
		"several share one process": {aofv1.TriggerSlack, streams(3, "ns/t"), streams(1, "ns/t")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settle(t, &keeper{}, account(), c.before, aTrigger(c.trigger))
			require.NoError(t, s.Err)
			got := kit.Get[*appsv1.Deployment](t, s, home, names.Stream)
			assert.Equal(t, *c.after.Spec.Replicas, *got.Spec.Replicas)
			require.Len(t, got.Spec.Template.Spec.Containers, 1)
			assert.ElementsMatch(t, c.after.Spec.Template.Spec.Containers[0].Env, got.Spec.Template.Spec.Containers[0].Env)
			assert.Equal(t, "adapter", got.Spec.Template.Spec.Containers[0].Image)
			assert.Equal(t, equality.Semantic.DeepEqual(c.before, c.after), len(s.Writes) == 0, "%v", s.Writes)
		})
	}
}

func TestTheTokenIsKept(t *testing.T) {
	t.Parallel()
	existing := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: names.AdapterToken}}
	k := &keeper{rest: time.Hour}
	s := settle(t, k, account(), existing, streams(0))
	require.NoError(t, s.Err)
	require.Len(t, k.asked, 1)
	assert.Equal(t, types.UID("uid"), k.asked[0].Account.UID)
	assert.Equal(t, names.AdapterToken, k.asked[0].Secret)
	assert.NotNil(t, k.asked[0].Existing)

	k = &keeper{rest: time.Hour}
	require.NoError(t, settle(t, k, account()).Err)
	require.Len(t, k.asked, 1)
	assert.Nil(t, k.asked[0].Existing)
}

func TestItIsRenewedInTime(t *testing.T) {
	t.Parallel()
	var err error
	row := rtesting.TableRow{Name: "renewed", Key: key, Objects: []runtime.Object{account()}, SkipNamespaceValidation: true}
	reconcile := func(k *keeper) error {
		r, _, _ := kit.Factory(constructWith(k))(t, &row)
		return r.Reconcile(row.Ctx, key)
	}
	err = reconcile(&keeper{rest: time.Hour})
	again, after := controller.IsRequeueKey(err)
	assert.True(t, again)
	assert.Equal(t, time.Hour, after)
	assert.ErrorIs(t, reconcile(&keeper{err: assert.AnError}), assert.AnError)
}

func TestWithoutAnInstallationNothingIsDone(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	s := settle(t, k, aTrigger(aofv1.TriggerSlack))
	assert.NoError(t, s.Err)
	assert.Empty(t, s.Writes)
	assert.Empty(t, k.asked)
}

func TestAFailedTokenDoesNotKeepStreamsFromRunning(t *testing.T) {
	t.Parallel()
	s := settle(t, &keeper{err: errors.New("no token")}, account(), streams(0), aTrigger(aofv1.TriggerSlack))
	assert.ErrorContains(t, s.Err, "no token")
	assert.Equal(t, int32(1), *kit.Get[*appsv1.Deployment](t, s, home, names.Stream).Spec.Replicas)
}

func TestOnlyTheLeaderWorks(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	r := New(Dependencies{Tokens: k, System: home})
	assert.True(t, controller.IsSkipKey(r.Reconcile(t.Context(), key)))
	assert.NoError(t, r.Reconcile(t.Context(), "ns/another"))
	assert.Empty(t, k.asked)
	var woken []types.NamespacedName
	require.NoError(t, r.Promote(reconciler.UniversalBucket(), func(_ reconciler.Bucket, key types.NamespacedName) { woken = append(woken, key) }))
	assert.Equal(t, []types.NamespacedName{r.Key()}, woken)
}
