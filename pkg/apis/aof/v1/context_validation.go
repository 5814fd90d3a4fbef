// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/apis"
)

// Validate refuses a context that no run could obey.
func (c *Context) Validate(context.Context) *apis.FieldError {
	return validateName(c.ObjectMeta).Also(c.Spec.validate().ViaField("spec"))
}

func (s *ContextSpec) validate() *apis.FieldError {
	errs := validateTemplate(s.Kubeconfig, "kubeconfig")
	errs = errs.Also(validateTemplate(s.Namespace, "namespace"))
	if s.Namespace != "" && !isTemplate(s.Namespace) {
		if problems := validation.IsDNS1123Label(s.Namespace); len(problems) > 0 {
			errs = errs.Also(invalid(s.Namespace, "namespace", problems[0]))
		}
	}
	errs = errs.Also(
		validateTemplate(s.Cluster, "cluster"),
		validateTemplate(s.WorkingDir, "working_dir"),
		notBoth(s.ClusterName != "", "cluster", "cluster_name"),
		notBoth(s.WorkingDirCamel != "", "working_dir", "workingDir"),
		validateEnv(s.Env, "env"),
	)
	if s.Approval != nil {
		errs = errs.Also(s.Approval.validate().ViaField("approval"))
	}
	if s.Audit != nil {
		errs = errs.Also(validateWord(s.Audit.Sink, auditSinks, "audit.sink"))
	}
	if s.Limits != nil {
		errs = errs.Also(s.Limits.validate().ViaField("limits"))
	}
	return errs
}

func (a *ContextApproval) validate() *apis.FieldError {
	var errs *apis.FieldError
	errs = errs.Also(
		validateWords(a.AllowedUsers, "allowed_users"),
		validateAtLeast(a.TimeoutSeconds, 1, "timeout_seconds"),
		validatePatterns(a.RequireFor, "require_for"),
		validateAtLeast(a.MinApprovers, 1, "min_approvers"),
		notBoth(a.Enabled != nil, "required", "enabled"),
		notBoth(len(a.RequiredFor) > 0, "require_for", "required_for"),
	)
	if n := len(a.AllowedUsers); n > 0 && a.MinApprovers != nil && *a.MinApprovers > int64(n) {
		errs = errs.Also(invalid(*a.MinApprovers, "min_approvers", fmt.Sprintf("only %d users may approve", n)))
	}
	return errs
}

func (l *ContextLimits) validate() *apis.FieldError {
	var errs *apis.FieldError
	return errs.Also(
		validateAtLeast(l.MaxRequestsPerMinute, 0, "max_requests_per_minute"),
		validateAtLeast(l.MaxTokensPerDay, 0, "max_tokens_per_day"),
		validateAtLeast(l.MaxConcurrent, 1, "max_concurrent"),
		validateAtLeast(l.MaxExecutionTimeSeconds, 1, "max_execution_time_seconds"),
		notBoth(l.RateLimitPerMinute != nil, "max_requests_per_minute", "rate_limit_per_minute"),
		notBoth(l.MaxConcurrentOperations != nil, "max_concurrent", "max_concurrent_operations"),
		notBoth(l.TimeoutSeconds != nil, "max_execution_time_seconds", "timeout_seconds"),
	)
}
