// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	admissionv1 "k8s.io/api/admission/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/webhook"

	"aof.dev/operator/pkg/admission"
)

// keeper is knative's admission controller: it keeps rules and certificate of a
// webhook configuration.
type keeper interface {
	controller.Reconciler
	reconciler.LeaderAware
	webhook.AdmissionController
}

// stamping is the keeper of the configuration for runs that answers for itself:
// knative's own answer would read the event and write it back in another form.
type stamping struct {
	keeper
	webhook.StatelessAdmissionImpl
	runs *admission.Runs
}

// Admit implements webhook.AdmissionController.
func (s *stamping) Admit(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	patch, err := s.runs.Admit(ctx, request)
	if err != nil {
		logging.FromContext(ctx).Infow("Refused a run", "error", err)
		return webhook.MakeErrorStatus("stamping failed: %v", err)
	}
	response := &admissionv1.AdmissionResponse{Allowed: true}
	if patch != nil {
		kind := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &kind
	}
	return response
}
