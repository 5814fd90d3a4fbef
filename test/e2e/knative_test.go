// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const helloManifest = `apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: hello
  labels: {networking.knative.dev/visibility: cluster-local}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/window: 6s, autoscaling.knative.dev/scale-to-zero-pod-retention-period: 0s}
    spec:
      enableServiceLinks: false
      containers: [{image: IMAGE, env: [ENV]}]`

const brokerManifest = `apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: question}
spec:
  broker: default
  filter: {attributes: {type: question}}
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: hello}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: answer}
spec:
  broker: default
  filter: {attributes: {type: question.reply}}
  subscriber: {ref: {apiVersion: v1, kind: Service, name: probe}}`

// startHello starts the service with environment variables in the form of its manifest.
func (e *env) startHello(variables ...string) {
	e.t.Helper()
	e.applyReady(strings.NewReplacer("IMAGE", e.image("./images/hello"), "ENV", strings.Join(variables, ", ")).Replace(helloManifest))
}

func (e *env) helloURL() string { return fmt.Sprintf("http://hello.%s.svc.cluster.local", e.namespace) }

func (e *env) brokerURL() string {
	return fmt.Sprintf("http://broker-ingress.knative-eventing.svc.cluster.local/%s/default", e.namespace)
}

// helloPods counts the pods of hello that are not on their way out: the queue proxy drains for 30 s.
func (e *env) helloPods(ctx context.Context) (int, error) {
	pods, err := e.kube.CoreV1().Pods(e.namespace).List(ctx, metav1.ListOptions{LabelSelector: "serving.knative.dev/service=hello"})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			n++
		}
	}
	return n, nil
}

func (e *env) untilHelloPods(want int) {
	e.t.Helper()
	e.until(fmt.Sprintf("hello has %d pods", want), func(ctx context.Context) (bool, error) {
		n, err := e.helloPods(ctx)
		return n == want, err
	})
}

func TestServiceScalesFromZeroAndBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := e.startProbe()
	e.startHello()

	e.untilHelloPods(0)
	body, err := p.fetch(e.helloURL())
	require.NoError(t, err)
	assert.Equal(t, "hello\n", body)
	n, err := e.helloPods(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	e.untilHelloPods(0)
}

func TestBrokerDeliversAndRepliesReachTheNextTrigger(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := e.startProbe()
	e.startHello()
	e.applyReady(brokerManifest)

	// A Trigger is ready a moment before the channel's dispatcher has heard of it,
	// and the in-memory channel loses what comes in between: so it is sent again.
	var got event
	e.until("the reply to the event arrives", func(context.Context) (bool, error) {
		if err := p.send(e.brokerURL(), "one", "question"); err != nil {
			return false, nil //nolint:nilerr // the broker does not take it yet
		}
		var ok bool
		got, ok = p.events()["one-reply"]
		return ok, nil
	})
	assert.Equal(t, "question.reply", got.Type)
	assert.Equal(t, "/hello", got.Source)
	assert.JSONEq(t, `{"sent":true}`, got.Data)
	assert.NotContains(t, p.events(), "one", "the second Trigger's filter lets only replies through")
}
