// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	observability "knative.dev/pkg/observability/configmap"
	"knative.dev/pkg/system"
	"knative.dev/pkg/webhook"
	"knative.dev/pkg/webhook/configmaps"
	"knative.dev/pkg/webhook/resourcesemantics"
	"knative.dev/pkg/webhook/resourcesemantics/defaulting"
	"knative.dev/pkg/webhook/resourcesemantics/validation"

	"aof.dev/operator/pkg/admission"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/settings"
)

type kinds = map[schema.GroupVersionKind]resourcesemantics.GenericCRD

// definitions are the kinds that users write.
func definitions() kinds {
	return kinds{
		kind("Context"):     &aofv1.Context{},
		kind("Trigger"):     &aofv1.Trigger{},
		kind("FlowBinding"): &aofv1.FlowBinding{},
		kind("Agent"):       &aofv1.Agent{},
		kind("AgentFleet"):  &aofv1.AgentFleet{},
		kind("AgentFlow"):   &aofv1.AgentFlow{},
	}
}

// runs are written by the operator's processes; users add to them.
func runs() kinds { return kinds{kind("FlowRun"): &aofv1.FlowRun{}} }

func kind(name string) schema.GroupVersionKind { return aofv1.SchemeGroupVersion.WithKind(name) }

// strict refuses a field that this version does not know, instead of losing it
// when the object is written back in canonical form.
const strict = true

func same(ctx context.Context) context.Context { return ctx }

func newDefaulting(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	return defaulting.NewAdmissionController(ctx, "defaulting.webhook.aof.dev", "/defaulting", definitions(), same, strict)
}

func newValidation(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	check := validation.NewCallback(references(ctx).Check, webhook.Create, webhook.Update)
	return validation.NewAdmissionController(ctx, "validation.webhook.aof.dev", "/validation", definitions(), same, strict,
		map[schema.GroupVersionKind]validation.Callback{
			kind("FlowBinding"): check, kind("AgentFlow"): check, kind("AgentFleet"): check,
		})
}

func newStamping(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	ctx = named(ctx, "StampingWebhook")
	impl := defaulting.NewAdmissionController(ctx, "stamping.webhook.aof.dev", "/runs/stamping", runs(), same, strict)
	impl.Reconciler = &stamping{keeper: impl.Reconciler.(keeper), runs: userRuns(ctx)}
	return impl
}

func newRunValidation(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	ctx = named(ctx, "RunValidationWebhook")
	return validation.NewAdmissionController(ctx, "runs.webhook.aof.dev", "/runs/validation", runs(), same, strict,
		map[schema.GroupVersionKind]validation.Callback{
			kind("FlowRun"): validation.NewCallback(userRuns(ctx).Check, webhook.Create, webhook.Update),
		})
}

func newConfigValidation(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	return configmaps.NewAdmissionController(ctx, "config.webhook.aof.dev", "/config-validation", configmap.Constructors{
		names.Config:                   settings.FromConfigMap,
		logging.ConfigMapName():        logging.NewConfigFromConfigMap,
		observability.Name():           observability.Parse,
		leaderelection.ConfigMapName(): leaderelection.NewConfigFromConfigMap,
	})
}

// named gives a controller its own queue, and by its name its own lease: of two
// with one name, one would wait for the other for ever.
func named(ctx context.Context, queue string) context.Context {
	options := *webhook.GetOptions(ctx)
	options.ControllerOptions = &controller.ControllerOptions{WorkQueueName: queue, Logger: logging.FromContext(ctx).Named(queue)}
	return webhook.WithOptions(ctx, options)
}

func processes() admission.Processes { return admission.Processes{Namespace: system.Namespace()} }

func references(ctx context.Context) *admission.References {
	return &admission.References{
		Reviews:   kubeclient.Get(ctx).AuthorizationV1().SubjectAccessReviews(),
		Processes: processes(),
	}
}

func userRuns(ctx context.Context) *admission.Runs {
	return &admission.Runs{Clock: clock.RealClock{}, Processes: processes(), References: references(ctx)}
}
