// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command webhook is the admission webhook: it brings AOF's objects to their
// canonical form, refuses what could not work or what the user has no right to,
// and keeps its own certificate. It composes; what depends on the user is
// decided in pkg/admission, the rest by the kinds themselves.
package main

import (
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"
	"knative.dev/pkg/webhook"
	"knative.dev/pkg/webhook/certificates"
)

// certificate is the Secret that config/core makes and the webhook fills.
const certificate = "aof-webhook-certs"

func main() {
	ctx := webhook.WithOptions(signals.NewContext(), webhook.Options{
		ServiceName: webhook.NameFromEnv(),
		Port:        webhook.PortFromEnv(8443),
		SecretName:  certificate,
	})
	// The webhook's own port answers the kubelet's probes.
	ctx = sharedmain.WithHealthProbesDisabled(ctx)
	sharedmain.MainWithContext(ctx, "aof-webhook",
		certificates.NewController,
		newDefaulting,
		newValidation,
		newStamping,
		newRunValidation,
		newConfigValidation,
	)
}
