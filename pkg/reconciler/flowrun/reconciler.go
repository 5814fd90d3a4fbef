// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"

	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Reconciler has runs go on.
type Reconciler struct{}

// ReconcileKind does for one run what is due.
func (r *Reconciler) ReconcileKind(context.Context, *aofv1.FlowRun) reconciler.Event {
	return nil
}
