// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/metadata"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// pageOfUncounted is how many runs one request lists.
const pageOfUncounted = 1000

// finishedOf selects the runs of a binding that are over.
func finishedOf(binding string) string {
	selector := fields.Set{"spec.binding.name": binding}.AsSelector()
	for _, phase := range []aofv1.FlowRunPhase{"", aofv1.FlowRunPhasePending, aofv1.FlowRunPhaseRunning, aofv1.FlowRunPhaseWaiting} {
		selector = fields.AndSelectors(selector, fields.OneTermNotEqualSelector("status.phase", string(phase)))
	}
	return selector.String()
}

// Uncounted asks an API server, for nothing but metadata, which runs of a binding
// do not say that they were counted: the newest state, whatever a cache has.
func Uncounted(client metadata.Interface) func(context.Context, types.NamespacedName) (sets.Set[types.UID], error) {
	runs := client.Resource(aofv1.SchemeGroupVersion.WithResource("flowruns"))
	return func(ctx context.Context, binding types.NamespacedName) (sets.Set[types.UID], error) {
		found := sets.New[types.UID]()
		options := metav1.ListOptions{LabelSelector: "!" + ledger.LabelFolded, FieldSelector: finishedOf(binding.Name), Limit: pageOfUncounted}
		for {
			page, err := runs.Namespace(binding.Namespace).List(ctx, options)
			if err != nil {
				return nil, err
			}
			for i := range page.Items {
				found.Insert(page.Items[i].UID)
			}
			if options.Continue = page.Continue; options.Continue == "" {
				return found, nil
			}
		}
	}
}
