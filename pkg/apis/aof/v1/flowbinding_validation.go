// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"maps"
	"slices"
	"strings"

	"knative.dev/pkg/apis"

	"aof.dev/operator/pkg/dedupe"
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
			validatePositive(a.ApprovalTimeoutSeconds, "overrides.approval.approval_timeout_seconds"),
		)
	}
	if o := s.Overrun; o != nil {
		errs = errs.Also(o.validate().ViaField("overrun"))
	}
	return validateName(b.ObjectMeta).Also(errs.ViaField("spec"))
}

func (o *BindingOverrun) validate() *apis.FieldError {
	if o.Policy == "" {
		return apis.ErrMissingField("policy")
	}
	errs := validateWord(o.Policy, overrunPolicies, "policy")
	if o.Key != "" && o.Policy == OverrunParallel {
		errs = errs.Also(invalid(o.Key, "key", "says nothing beside the policy parallel"))
	}
	return errs.Also(validateTemplate(o.Key, "key"))
}

func (m *BindingMatch) validate() *apis.FieldError {
	var errs *apis.FieldError
	errs = errs.Also(
		validatePatterns(m.Patterns, "patterns"),
		m.validateConditions(),
		validateWords(m.Channels, "channels"),
		validateWords(m.Users, "users"),
		validateWords(m.Events, "events"),
		validateWords(m.RequiredKeywords, "required_keywords"),
		validateWords(m.ExcludedKeywords, "excluded_keywords"),
		notBoth(len(m.RequiredKeywordsCamel) > 0, "required_keywords", "requiredKeywords"),
		notBoth(len(m.ExcludedKeywordsCamel) > 0, "excluded_keywords", "excludedKeywords"),
	)
	if m.Dedupe != nil {
		errs = errs.Also(m.Dedupe.validate().ViaField("dedupe"))
	}
	excluded := map[string]bool{}
	for _, word := range m.ExcludedKeywords {
		excluded[strings.ToLower(word)] = true
	}
	return errs.Also(eachOf(min(len(m.RequiredKeywords), MaxListItems), MaxListItems, "required_keywords", func(i int) *apis.FieldError {
		word := m.RequiredKeywords[i]
		if !excluded[strings.ToLower(word)] {
			return nil
		}
		return invalid(word, index("required_keywords", i), "is excluded as well, so nothing could ever match")
	}))
}

func (d *MatchDedupe) validate() *apis.FieldError {
	var errs *apis.FieldError
	if d.Key == "" {
		errs = errs.Also(apis.ErrMissingField("key"))
	} else if err := dedupe.CheckKey(d.Key); err != nil {
		errs = errs.Also(unfit("key", bounded(err.Error(), maxConditionMessage)))
	}
	if d.Window == "" {
		errs = errs.Also(apis.ErrMissingField("window"))
	} else if _, err := d.window(); err != nil {
		errs = errs.Also(invalid(d.Window, "window", err.Error()))
	}
	return errs
}

func (m *BindingMatch) validateConditions() *apis.FieldError {
	keys := slices.Sorted(maps.Keys(m.Conditions))
	return eachOf(len(keys), MaxListItems, "conditions", func(i int) *apis.FieldError {
		if strings.TrimSpace(keys[i]) == "" {
			return unfit("conditions", "has an empty key")
		}
		return validateText(m.Conditions[keys[i]], "conditions."+bounded(keys[i], maxQuoted))
	})
}
