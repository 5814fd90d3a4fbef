// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"

	"knative.dev/pkg/reconciler"
)

// Reconciler counts the runs of a binding.
type Reconciler struct {
	reconciler.LeaderAwareFuncs
}

// Reconcile counts what is over of the binding that the key names.
func (r *Reconciler) Reconcile(context.Context, string) error {
	return nil
}
