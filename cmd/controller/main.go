// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controller runs the reconcilers of the operator. It composes; what is
// decided is decided in pkg/reconciler.
package main

import (
	"os"

	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/agent"
	"aof.dev/operator/pkg/reconciler/agentfleet"
	"aof.dev/operator/pkg/reconciler/agentflow"
	"aof.dev/operator/pkg/reconciler/aofcontext"
	"aof.dev/operator/pkg/reconciler/expiry"
	"aof.dev/operator/pkg/reconciler/flowbinding"
	"aof.dev/operator/pkg/reconciler/flowrun"
	"aof.dev/operator/pkg/reconciler/installation"
	"aof.dev/operator/pkg/reconciler/tally"
	"aof.dev/operator/pkg/reconciler/trigger"
)

// managed selects what carries our label. Of what belongs to users the controller
// watches their AOF objects only.
const managed = names.LabelManaged + "=true"

// Each controller works on this many objects at once, and all of them together
// may ask the API server this often: its own fairness bounds us, too.
const (
	threads = 4
	qps     = 200
	burst   = 400
)

func main() {
	ctx := filteredfactory.WithSelectors(signals.NewContext(), managed)
	// Outside of a pod nobody asks, and the port may be taken.
	if os.Getenv("AOF_PROBES") == "off" {
		ctx = sharedmain.WithHealthProbesDisabled(ctx)
	}
	config := injection.ParseAndGetRESTConfigOrDie()
	if config.QPS == 0 { // unless --kube-api-qps or KUBE_API_QPS says so
		config.QPS, config.Burst = qps, burst
	}
	controller.DefaultThreadsPerController = threads
	sharedmain.MainWithConfig(ctx, "aof-controller", config, constructors()...)
}

// constructors makes all controllers of the process.
func constructors() []injection.ControllerConstructor {
	return []injection.ControllerConstructor{
		installation.Constructor(trigger.NeedsStream),
		trigger.NewController,
		aofcontext.NewController,
		agent.NewController,
		agentfleet.NewController,
		agentflow.NewController,
		// The image stands in the Deployment, where ko resolves it.
		flowbinding.NewController(os.Getenv("AOF_RUNNER_IMAGE")),
		flowrun.NewController,
		tally.NewController,
		expiry.NewController,
		showObjects,
	}
}
