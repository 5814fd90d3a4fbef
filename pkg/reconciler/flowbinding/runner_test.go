// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"aof.dev/operator/pkg/names"
	. "aof.dev/operator/pkg/reconciler/testing"
)

func TestNewCredentialsAreANewRevision(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	version := func(s *Settled) string {
		got, _, err := unstructured.NestedString(service(t, s).Object, "spec", "template", "metadata", "annotations", names.AnnotationCredentials)
		require.NoError(t, err)
		return got
	}
	assert.Empty(t, version(s))
	credentials := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: names.Credentials, ResourceVersion: "7"}}
	s.Objects = append(s.Objects, credentials)
	s = w.again(t, s)
	assert.Equal(t, "7", version(s))
	assert.Equal(t, []string{"update services team-a/aof-runner"}, s.Writes)
	Get[*corev1.Secret](t, s, team, names.Credentials).ResourceVersion = "8"
	assert.Equal(t, "8", version(w.again(t, s)))
}

func TestANewTokenIsNoNewRevision(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	w.clock.SetTime(noon.Add(12 * time.Hour))
	s = w.again(t, s)
	assert.Equal(t, []string{"create serviceaccounts/token team-a/aof-runner", "update secrets team-a/aof-runner-token"}, s.Writes)
	assert.Equal(t, "token-of-2026-11-24T00:00:00Z", string(Get[*corev1.Secret](t, s, team, names.RunnerToken).Data[names.EnvAPIToken]))
}

func TestAnAccountMadeAnewGetsATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	Get[*corev1.ServiceAccount](t, s, team, names.Runner).UID = "another"
	assert.Contains(t, w.again(t, s).Writes, "update secrets team-a/aof-runner-token")
}

func TestSettingsReachRunnerAndSubscription(t *testing.T) {
	t.Parallel()
	w := newBench()
	s := w.settle(t, aWorld(t)...)
	w.settings.RunnerConcurrency, w.settings.RunnerTimeout = 1, time.Minute
	s = w.again(t, s)
	assert.ElementsMatch(t, []string{"update services team-a/aof-runner", "update triggers ops/" + names.KnativeTrigger(team, "alerts")}, s.Writes)
	assert.Equal(t, "PT90S", *knativeTrigger(t, s).Spec.Delivery.Timeout)
	w.settings.BrokerName = "other"
	s = w.again(t, s)
	assert.Equal(t, "other", knativeTrigger(t, s).Spec.Broker, "made anew, since a broker can't be changed")
}
