// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Reconciler reconciles Agents.
type Reconciler struct{}

// ReconcileKind says in the status whether the agent can be run.
func (r *Reconciler) ReconcileKind(ctx context.Context, a *aofv1.Agent) reconciler.Event {
	if err := a.Validate(ctx); err != nil {
		// The user has to change the spec, which wakes us.
		_ = a.Status.MarkValidFailed(aofv1.ReasonConfigurationInvalid, fmt.Errorf("spec: %w", err))
		return nil
	}
	a.Status.MarkValid()
	a.Status.MarkCredentialsAvailable()
	return nil
}
