// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// indexUnfinished finds the runs of a binding that are not over, or have audit
// records that were not delivered.
const indexUnfinished = "flowrun.unfinished"

// Indexers are the indexes that the cache of runs must have.
func Indexers() cache.Indexers {
	return cache.Indexers{indexUnfinished: func(obj any) ([]string, error) {
		run, ok := obj.(*aofv1.FlowRun)
		if !ok || run.Spec.Binding == nil {
			return nil, nil
		}
		if _, due := run.AuditDue(); run.IsDone() && !due {
			return nil, nil
		}
		return []string{run.Spec.Binding.NamespacedName(run.Namespace).String()}, nil
	}, indexUID: func(obj any) ([]string, error) {
		if run, ok := obj.(*aofv1.FlowRun); ok {
			return []string{string(run.UID)}, nil
		}
		return nil, nil
	}}
}
