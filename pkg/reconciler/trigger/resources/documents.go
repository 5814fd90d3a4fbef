// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/kmeta"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
)

// MaxTable is how large a route table may be: a ConfigMap holds 1 MiB.
const MaxTable = 1000 << 10

// MakeRoutes makes the ConfigMap with a Trigger's route table.
func MakeRoutes(t *aofv1.Trigger, table *route.Table) (*corev1.ConfigMap, error) {
	encoded, err := table.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode route table: %w", err)
	}
	if len(encoded) > MaxTable {
		return nil, fmt.Errorf("the route table of %d bindings has %d bytes, at most %d can be stored: use several triggers", len(table.Bindings), len(encoded), MaxTable)
	}
	return &corev1.ConfigMap{
		ObjectMeta: owned(t, names.Routes(t.Name), names.KindRoutes),
		Data:       map[string]string{names.KeyRoutes: string(encoded)},
	}, nil
}

// MakeQuestions makes the ConfigMap that says which runs wait for people.
func MakeQuestions(t *aofv1.Trigger, questions []route.Question) (*corev1.ConfigMap, error) {
	encoded, err := route.EncodeQuestions(questions)
	if err != nil {
		return nil, fmt.Errorf("encode questions: %w", err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: owned(t, names.Questions(t.Name), names.KindQuestions),
		Data:       map[string]string{names.KeyQuestions: string(encoded)},
	}, nil
}

// MakeEvents makes the ConfigMap that the adapter counts a Trigger's events in.
// It is made here, empty, so that the adapter needs no right to create any.
func MakeEvents(t *aofv1.Trigger) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: owned(t, names.Events(t.Name), names.KindEvents)}
}

// owned describes an object that goes with its Trigger.
func owned(t *aofv1.Trigger, name, kind string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: t.Namespace, Name: name, Labels: labels(t, kind),
		OwnerReferences: []metav1.OwnerReference{*kmeta.NewControllerRef(t)},
	}
}

// labels by which objects of ours are found. A name too long for a label's value
// is left out; the owner says it too.
func labels(t *aofv1.Trigger, kind string) map[string]string {
	out := map[string]string{names.LabelManaged: "true"}
	if kind != "" {
		out[names.LabelKind] = kind
	}
	if len(t.Name) <= 63 {
		out[names.LabelTrigger] = t.Name
	}
	return out
}
