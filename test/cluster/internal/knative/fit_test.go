// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package knative

import (
	"strings"
	"testing"
)

func TestFitAll(t *testing.T) {
	for _, tc := range []struct {
		reason, in string
		want, not  []string
	}{
		{"one node needs no autoscaling of Knative itself", "kind: HorizontalPodAutoscaler\n", nil, []string{"kind"}},
		{"what is not ours to change stays as it is", "kind: Service # as it is\n", []string{"kind: Service # as it is"}, nil},
		{
			"settings are merged into ConfigMaps", "kind: ConfigMap\nmetadata: {name: config-domain}\ndata: {a: b}\n",
			[]string{"a: b", `example.com: ""`}, nil,
		},
		{
			"deployments ask for no CPU and are probed every second",
			"kind: Deployment\nspec: {template: {spec: {containers: [{resources: {requests: {cpu: 1, memory: 1Mi}}, " +
				"readinessProbe: {initialDelaySeconds: 20, periodSeconds: 30}}]}}}\n",
			[]string{"memory: 1Mi", "periodSeconds: 1"},
			[]string{"cpu", "initialDelaySeconds"},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			docs, err := fitAll(split("---\n" + tc.in))
			if err != nil {
				t.Fatal(err)
			}
			got := join(docs)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in:\n%s", want, got)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(got, not) {
					t.Errorf("%q is still in:\n%s", not, got)
				}
			}
		})
	}
}

func TestPhases(t *testing.T) {
	got := phases(split("kind: ValidatingWebhookConfiguration\n---\nkind: Deployment\n---\n# no object\n---\nkind: Namespace\n"))
	for i, want := range []string{"Namespace", "Deployment", "ValidatingWebhookConfiguration"} {
		if len(got[i]) != 1 || got[i][0].kind != want {
			t.Errorf("phase %d: got %v, want one %s", i, got[i], want)
		}
	}
}
