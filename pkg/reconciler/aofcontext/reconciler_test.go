// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package aofcontext

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/injection/client"
	contextreconciler "aof.dev/operator/pkg/client/injection/reconciler/aof/v1/context"
	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
	"aof.dev/operator/pkg/reconciler/track"
)

const key = "ns/prod"

func construct(ctx context.Context, l *Listers) controller.Reconciler {
	r := &Reconciler{Secrets: l.Secrets(), Tracker: track.New(func(types.NamespacedName) {})}
	return contextreconciler.NewReconciler(ctx, logging.FromContext(ctx), aofclient.Get(ctx), l.Contexts(), controller.GetEventRecorder(ctx), r)
}

func aContext(spec aofv1.ContextSpec) *aofv1.Context {
	return &aofv1.Context{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "prod", Generation: 1}, Spec: spec}
}

func TestReconcileLeavesAlone(t *testing.T) {
	t.Parallel()
	rtesting.TableTest(CommonRows(aContext(aofv1.ContextSpec{}))).Test(t, Factory(construct))
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Credentials}, Data: map[string][]byte{"TOKEN": nil}}
	negative := int64(-1)
	for name, c := range map[string]struct {
		spec              aofv1.ContextSpec
		ready             bool
		kubeconfig, event string // the reason of KubeconfigValid
	}{
		"without a kubeconfig": {
			spec: aofv1.ContextSpec{}, ready: true, kubeconfig: aofv1.ReasonNoKubeconfig, event: "Normal Ready it is ready",
		},
		"with the path of one, which nobody here can open": {
			spec: aofv1.ContextSpec{Kubeconfig: "/etc/aof/kubeconfig-prod"}, ready: true, kubeconfig: aofv1.ReasonKubeconfigNotChecked, event: "Normal Ready it is ready",
		},
		"with a path that refers to what is not there": {
			spec: aofv1.ContextSpec{Kubeconfig: "${KUBE}"}, kubeconfig: aofv1.ReasonKubeconfigInaccessible,
			event: "Warning KubeconfigInaccessible spec.kubeconfig refers to KUBE, which Secret aof-credentials of the namespace does not have",
		},
		"with an environment that refers to what is there": {
			spec: aofv1.ContextSpec{Env: map[string]string{"T": "${TOKEN}"}}, ready: true, kubeconfig: aofv1.ReasonNoKubeconfig, event: "Normal Ready it is ready",
		},
		"with an environment that refers to what is not": {
			spec: aofv1.ContextSpec{Env: map[string]string{"T": "${NO}"}}, kubeconfig: aofv1.ReasonNoKubeconfig,
			event: "Warning CredentialsMissing spec.env refers to NO, which Secret aof-credentials of the namespace does not have",
		},
		"with a limit that can't be": {
			spec: aofv1.ContextSpec{Limits: &aofv1.ContextLimits{MaxConcurrent: &negative}}, kubeconfig: aofv1.ReasonNoKubeconfig,
			event: "Warning ConfigurationInvalid ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{aContext(c.spec), secret}})
			require.NoError(t, s.Err)
			got := Get[*aofv1.Context](t, s, "ns", "prod")
			assert.Equal(t, c.ready, got.Status.Ready, "%v", got.Status.Conditions)
			assert.Equal(t, c.ready, got.IsReady())
			assert.Equal(t, c.kubeconfig, got.Status.GetCondition(aofv1.ContextConditionKubeconfigValid).Reason)
			assert.Equal(t, []string{"update contexts/status ns/prod"}, s.Writes, "one write, and none in the steady state")
			require.Len(t, s.Events, 1)
			assert.Contains(t, s.Events[0], c.event)
		})
	}
}

func TestAConflictIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := Settle(t, construct, rtesting.TableRow{
		Key: key, Objects: []runtime.Object{aContext(aofv1.ContextSpec{})}, WithReactors: []clientgotesting.ReactionFunc{once(Conflict("contexts/status"))},
	})
	require.NoError(t, s.Err)
	assert.True(t, Get[*aofv1.Context](t, s, "ns", "prod").Status.Ready)
}

func once(reaction clientgotesting.ReactionFunc) clientgotesting.ReactionFunc {
	done := false
	return func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if done {
			return false, nil, nil
		}
		handled, object, err := reaction(a)
		done = handled
		return handled, object, err
	}
}

func TestTheAppliedConfigurationHoldsNoSecret(t *testing.T) {
	t.Parallel()
	spec := &aofv1.ContextSpec{Namespace: "prod", Env: map[string]string{
		"REFERENCE": "${TOKEN}", "LITERAL": "s3cret-1", "MIXED": "Bearer ${TOKEN} s3cret-2", "DEFAULT": "${TOKEN:-s3cret-3}", "EMPTY": "",
	}}
	shown, err := applied(spec)
	require.NoError(t, err)
	raw, err := json.Marshal(shown)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "s3cret")
	env, _ := shown["env"].(map[string]any)
	assert.Equal(t, map[string]any{"REFERENCE": "${TOKEN}", "LITERAL": secret, "MIXED": secret, "DEFAULT": secret, "EMPTY": ""}, env)
	assert.Equal(t, "prod", shown["namespace"])
	assert.Equal(t, "s3cret-1", spec.Env["LITERAL"], "the spec itself is left alone")
}

func TestWhereAuditRecordsGo(t *testing.T) {
	t.Parallel()
	yes := true
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Credentials}, Data: map[string][]byte{"TOKEN": nil}}
	for name, c := range map[string]struct {
		audit        *aofv1.ContextAudit
		status       corev1.ConditionStatus
		reason, says string
	}{
		"nowhere":                        {audit: &aofv1.ContextAudit{}},
		"stdout":                         {&aofv1.ContextAudit{Enabled: &yes}, corev1.ConditionTrue, "AuditSinkSet", ""},
		"a webhook whose address is not": {&aofv1.ContextAudit{Enabled: &yes, Sink: "webhook"}, corev1.ConditionFalse, "CredentialsMissing", "AUDIT_WEBHOOK_URL"},
		"a webhook whose token is there": {&aofv1.ContextAudit{Enabled: &yes, Sink: "webhook", URL: "https://a.example/x", Headers: map[string]string{"Authorization": "Bearer ${TOKEN}"}}, corev1.ConditionTrue, "AuditSinkSet", ""},
		"a file":                         {&aofv1.ContextAudit{Enabled: &yes, Sink: "file", Path: "/var/log/a"}, corev1.ConditionUnknown, "FileInRunner", "read-only but for /dev/shm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settle(t, construct, rtesting.TableRow{Key: key, Objects: []runtime.Object{aContext(aofv1.ContextSpec{Audit: c.audit}), secret}})
			require.NoError(t, s.Err)
			got := Get[*aofv1.Context](t, s, "ns", "prod")
			assert.True(t, got.Status.Ready, "%v", got.Status.Conditions)
			condition := got.Status.GetCondition(aofv1.ContextConditionAuditDeliverable)
			if c.status == "" {
				assert.Nil(t, condition)
				return
			}
			require.NotNil(t, condition)
			assert.Equal(t, c.status, condition.Status)
			assert.Equal(t, c.reason, condition.Reason)
			assert.Contains(t, condition.Message, c.says)
		})
	}
}

func TestTheAppliedAuditHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"${AUDIT_WEBHOOK_URL}": "${AUDIT_WEBHOOK_URL}", "https://a.example/hooks/s3cret": "https://a.example/(not shown)",
		"https://s3cret@a.example/x": secret, "https://a.example?token=s3cret": secret,
	} {
		shown, err := applied(&aofv1.ContextSpec{Audit: &aofv1.ContextAudit{URL: url, Headers: map[string]string{"A": "s3cret", "B": "${TOKEN}"}}})
		require.NoError(t, err)
		audit, _ := shown["audit"].(map[string]any)
		assert.Equal(t, want, audit["url"])
		assert.Equal(t, map[string]any{"A": secret, "B": "${TOKEN}"}, audit["headers"])
	}
}
