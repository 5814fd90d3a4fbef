// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"maps"
	"slices"
	"strings"

	"knative.dev/pkg/apis"
)

// Validate refuses a binding that could never match, or that refers to nothing.
// Whether the referenced objects exist is not asked here.
func (b *FlowBinding) Validate(context.Context) *apis.FieldError {
	s := &b.Spec
	errs := s.Trigger.validate("trigger")
	errs = errs.Also(s.Context.validate("context"), s.Flow.validate("flow"))
	if s.Match != nil {
		errs = errs.Also(s.Match.validate().ViaField("match"))
	}
	if s.Overrides != nil && s.Overrides.Approval != nil {
		a := s.Overrides.Approval
		errs = errs.Also(
			validateWords(a.BypassForSeverity, "overrides.approval.bypass_for_severity"),
			validateAtLeast(a.ApprovalTimeoutSeconds, 1, "overrides.approval.approval_timeout_seconds"),
		)
	}
	return validateName(b.ObjectMeta).Also(errs.ViaField("spec"))
}

func (m *BindingMatch) validate() *apis.FieldError {
	var errs *apis.FieldError
	errs = errs.Also(
		validatePatterns(m.Patterns, "patterns"),
		validateCount(len(m.Conditions), "conditions"),
		validateWords(m.Channels, "channels"),
		validateWords(m.Users, "users"),
		validateWords(m.Events, "events"),
		validateWords(m.RequiredKeywords, "required_keywords"),
		validateWords(m.ExcludedKeywords, "excluded_keywords"),
		notBoth(len(m.RequiredKeywordsCamel) > 0, "required_keywords", "requiredKeywords"),
		notBoth(len(m.ExcludedKeywordsCamel) > 0, "excluded_keywords", "excludedKeywords"),
	)
	for _, key := range firstItems(slices.Sorted(maps.Keys(m.Conditions))) {
		if strings.TrimSpace(key) == "" {
			errs = errs.Also(unfit("conditions", "has an empty key"))
		}
		errs = errs.Also(validateText(m.Conditions[key], "conditions."+bounded(key, maxQuoted)))
	}
	for i, word := range m.RequiredKeywords {
		if slices.ContainsFunc(m.ExcludedKeywords, func(x string) bool { return strings.EqualFold(x, word) }) {
			errs = errs.Also(invalid(word, index("required_keywords", i), "is excluded as well, so nothing could ever match"))
		}
	}
	return errs
}
