// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"knative.dev/pkg/apis"
)

// Validate refuses a run without a flow, an event that is no CloudEvent, and any
// change of what is to be run: only the claim moves on.
func (r *FlowRun) Validate(ctx context.Context) *apis.FieldError {
	s := &r.Spec
	errs := s.Flow.validate("flow")
	for _, ref := range []struct {
		path string
		*ObjectReference
	}{{"binding", s.Binding}, {"trigger", s.Trigger}, {"context", s.Context}} {
		if ref.ObjectReference != nil {
			errs = errs.Also(ref.validate(ref.path))
		}
	}
	errs = errs.Also(s.validateEvent())
	if s.Claim != nil && s.Claim.Holder == "" {
		errs = errs.Also(apis.ErrMissingField("claim.holder"))
	}
	if apis.IsInUpdate(ctx) {
		if old, ok := apis.GetBaseline(ctx).(*FlowRun); ok {
			errs = errs.Also(s.validateUnchanged(&old.Spec))
		}
	}
	return validateName(r.ObjectMeta).Also(errs.ViaField("spec"))
}

// validateEvent asks for what makes a JSON object a CloudEvent.
func (s *FlowRunSpec) validateEvent() *apis.FieldError {
	raw := bytes.TrimSpace(s.Event.Raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return apis.ErrMissingField("event")
	}
	if len(raw) > MaxEventBytes {
		return unfit("event", fmt.Sprintf("is %d bytes long, at most %d are allowed", len(raw), MaxEventBytes))
	}
	event, err := decodeObject(raw)
	if err != nil {
		return unfit("event", bounded(err.Error(), maxConditionMessage))
	}
	var errs *apis.FieldError
	for _, attribute := range []string{"specversion", "id", "source", "type"} {
		if stringAt(event, attribute) == "" {
			errs = errs.Also(apis.ErrMissingField("event." + attribute))
		}
	}
	return errs
}

func (s *FlowRunSpec) validateUnchanged(old *FlowRunSpec) *apis.FieldError {
	now, before := s.DeepCopy(), old.DeepCopy()
	now.Claim, before.Claim = nil, nil
	if equality.Semantic.DeepEqual(now, before) {
		return nil
	}
	return &apis.FieldError{Message: "a run can't be changed", Paths: []string{""}, Details: "only claim may; start another run instead"}
}
