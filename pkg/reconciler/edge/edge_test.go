// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
)

func TestTell(t *testing.T) {
	t.Parallel()
	ready := &apis.Condition{Status: corev1.ConditionTrue}
	unknown := &apis.Condition{Status: corev1.ConditionUnknown, Reason: "Waits"}
	broken := &apis.Condition{Status: corev1.ConditionFalse, Reason: "Broken", Message: "why"}
	reworded := &apis.Condition{Status: corev1.ConditionFalse, Reason: "Broken", Message: "why, again"}
	other := &apis.Condition{Status: corev1.ConditionFalse, Reason: "Gone", Message: "where"}
	for name, c := range map[string]struct {
		before, after *apis.Condition
		want          string
	}{
		"it became ready":              {unknown, ready, "Normal Ready it is ready"},
		"it is ready from the start":   {nil, ready, "Normal Ready it is ready"},
		"it stays ready":               {ready, ready, ""},
		"it broke":                     {ready, broken, "Warning Broken why"},
		"it was broken from the start": {nil, broken, "Warning Broken why"},
		"it stays broken":              {broken, reworded, ""},
		"it is broken otherwise":       {broken, other, "Warning Gone where"},
		"nothing is known":             {ready, unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := record.NewFakeRecorder(2)
			Tell(controller.WithEventRecorder(t.Context(), recorder), &corev1.Pod{}, c.before, c.after)
			close(recorder.Events)
			assert.Equal(t, c.want, <-recorder.Events)
			assert.Empty(t, <-recorder.Events, "one event at most")
		})
	}
	Tell(context.Background(), &corev1.Pod{}, nil, ready) // without a recorder nobody is told
}
