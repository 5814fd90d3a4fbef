// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"aof.dev/operator/pkg/names"
)

// annotationAsync has the in-memory channel answer a sender before the events are
// delivered: without it the adapter would wait for the slowest flow.
const annotationAsync = "messaging.knative.dev/async-handler"

// MakeBroker makes the Broker of a namespace that has none.
func MakeBroker(namespace, name, class string) *eventingv1.Broker {
	return &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name,
		Labels:      map[string]string{names.LabelManaged: "true"},
		Annotations: map[string]string{eventing.BrokerClassKey: class, annotationAsync: "true"},
	}}
}
