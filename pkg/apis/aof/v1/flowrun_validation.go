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

// Validate refuses a run without a flow, an event that is no CloudEvent, a run
// that is decided before it asks, and any change of what is to be run.
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
	if s.Retry != nil {
		errs = errs.Also(s.Retry.validate(r.Name).ViaField("retry"))
	}
	if apis.IsInCreate(ctx) {
		errs = errs.Also(s.validateNew())
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

// maxRetryNodes bounds the nodes that a run begins at again.
const maxRetryNodes = 64

// validate refuses a retry that does not say of what, or from where.
func (r *RunRetry) validate(run string) *apis.FieldError {
	var errs *apis.FieldError
	switch {
	case r.Run == "":
		errs = errs.Also(apis.ErrMissingField("run"))
	case r.Run == run:
		errs = errs.Also(invalid(r.Run, "run", "is the run itself"))
	case len(r.Run) > MaxNameBytes:
		errs = errs.Also(unfit("run", "is too long to be a name"))
	}
	switch {
	case r.UID == "":
		errs = errs.Also(apis.ErrMissingField("uid"))
	case len(r.UID) > MaxNameBytes:
		errs = errs.Also(unfit("uid", "is too long to be a UID"))
	}
	if len(r.From) == 0 {
		errs = errs.Also(apis.ErrMissingField("from"))
	}
	seen := map[string]bool{}
	return errs.Also(eachOf(len(r.From), maxRetryNodes, "from", func(i int) *apis.FieldError {
		node := r.From[i]
		switch {
		case node == "" || len(node) > MaxNameBytes:
			return unfit(index("from", i), "is no node")
		case seen[node]:
			return invalid(node, index("from", i), "is named twice")
		}
		seen[node] = true
		return nil
	}))
}

// validateNew refuses answers to what was not asked yet.
func (s *FlowRunSpec) validateNew() *apis.FieldError {
	var errs *apis.FieldError
	if len(s.Decisions) > 0 {
		errs = errs.Also(apis.ErrDisallowedFields("decisions"))
	}
	if s.Cancel != nil {
		errs = errs.Also(apis.ErrDisallowedFields("cancel"))
	}
	return errs
}

// validateUnchanged lets decisions be added and the run be cancelled, once.
func (s *FlowRunSpec) validateUnchanged(old *FlowRunSpec) *apis.FieldError {
	var errs *apis.FieldError
	if n := len(old.Decisions); len(s.Decisions) < n || !equality.Semantic.DeepEqual(s.Decisions[:n], old.Decisions) {
		errs = errs.Also(&apis.FieldError{Message: "a decision can't be changed or taken back", Paths: []string{"decisions"}, Details: "only add to them"})
	}
	if old.Cancel != nil && !equality.Semantic.DeepEqual(s.Cancel, old.Cancel) {
		errs = errs.Also(&apis.FieldError{Message: "the run is cancelled already", Paths: []string{"cancel"}})
	}
	now, before := s.DeepCopy(), old.DeepCopy()
	for _, spec := range []*FlowRunSpec{now, before} {
		spec.Decisions, spec.Cancel = nil, nil
	}
	if !equality.Semantic.DeepEqual(now, before) {
		errs = errs.Also(&apis.FieldError{Message: "a run can't be changed", Paths: []string{""}, Details: "only decisions and cancel may; start another run instead"})
	}
	return errs
}
