// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "context"

// SetDefaults brings references to their canonical form.
func (r *FlowRun) SetDefaults(context.Context) {
	r.Spec.Flow.fold()
	for _, ref := range []*ObjectReference{r.Spec.Binding, r.Spec.Trigger, r.Spec.Context} {
		if ref != nil {
			ref.fold()
		}
	}
}
