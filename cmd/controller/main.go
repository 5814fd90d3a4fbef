// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controller runs the reconcilers of the operator. It composes; what is
// decided is decided in pkg/reconciler.
package main

import (
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/agent"
	"aof.dev/operator/pkg/reconciler/flowrun"
	"aof.dev/operator/pkg/reconciler/installation"
	"aof.dev/operator/pkg/reconciler/tally"
	"aof.dev/operator/pkg/reconciler/trigger"
)

func main() {
	// Of what belongs to users the controller watches their AOF objects only; of
	// everything else, what carries our label.
	ctx := filteredfactory.WithSelectors(signals.NewContext(), names.LabelManaged+"=true")
	sharedmain.MainWithContext(ctx, "aof-controller",
		installation.Constructor(trigger.NeedsStream),
		trigger.NewController,
		agent.NewController,
		flowrun.NewController,
		tally.NewController,
	)
}
