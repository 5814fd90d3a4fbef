// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/apis"

	"aof.dev/operator/pkg/audit"
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
		errs = errs.Also(s.Audit.validate().ViaField("audit"))
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
		validatePositive(a.TimeoutSeconds, "timeout_seconds"),
		validatePatterns(a.RequireFor, "require_for"),
		validatePositive(a.MinApprovers, "min_approvers"),
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
		validatePositive(l.MaxRequestsPerMinute, "max_requests_per_minute"),
		validatePositive(l.MaxTokensPerDay, "max_tokens_per_day"),
		validatePositive(l.MaxConcurrent, "max_concurrent"),
		validatePositive(l.MaxExecutionTimeSeconds, "max_execution_time_seconds"),
		validateWord(l.OnExceed, onExceed, "on_exceed"),
		notBoth(l.RateLimitPerMinute != nil, "max_requests_per_minute", "rate_limit_per_minute"),
		notBoth(l.MaxConcurrentOperations != nil, "max_concurrent", "max_concurrent_operations"),
		notBoth(l.TimeoutSeconds != nil, "max_execution_time_seconds", "timeout_seconds"),
	)
}

// validate refuses an audit whose records could never arrive.
func (a *ContextAudit) validate() *apis.FieldError {
	var errs *apis.FieldError
	errs = errs.Also(
		validateWord(a.Sink, auditSinks, "sink"),
		notBoth(a.WebhookURL != "", "url", "webhook_url"),
		notBoth(a.LogPath != "", "path", "log_path"),
		notBoth(a.IncludePayloadCamel != nil, "include_payload", "includePayload"),
		validateSecretTemplate(a.URL, "url"),
		validateTemplate(a.Path, "path"),
		validateAuditURL(a.URL),
		a.validateHeaders(),
		eachOf(len(a.Events), MaxListItems, "events", func(i int) *apis.FieldError {
			if !audit.Known(a.Events[i]) {
				return invalid(a.Events[i], index("events", i), "must be one of "+audit.Words())
			}
			return nil
		}),
	)
	if scheme, _, isURL := strings.Cut(a.Destination, "://"); isURL && sinkOf(scheme) == "" {
		errs = errs.Also(warn("destination", bounded(scheme, maxQuoted)+":// is no sink here; records go to "+string(a.Sink)))
	} else if a.Destination != "" {
		errs = errs.Also(unfit("destination", "must be stdout://, file:///path or http(s)://…, and agree with sink, url and path"))
	}
	if a.URL != "" && a.Sink != AuditSinkWebhook {
		errs = errs.Also(unfit("url", "is for sink webhook only, and sink is "+string(a.Sink)))
	}
	if len(a.Headers) > 0 && a.Sink != AuditSinkWebhook {
		errs = errs.Also(unfit("headers", "are for sink webhook only, and sink is "+string(a.Sink)))
	}
	switch {
	case a.Path != "" && a.Sink != AuditSinkFile:
		errs = errs.Also(unfit("path", "is for sink file only, and sink is "+string(a.Sink)))
	case a.Path == "" && a.Sink == AuditSinkFile:
		errs = errs.Also(apis.ErrMissingField("path"))
	case strings.HasSuffix(a.Path, "/") || strings.ContainsFunc(a.Path, unicode.IsControl):
		errs = errs.Also(unfit("path", "must be the path of a file"))
	}
	return errs
}

// validateAuditURL refuses what can be no address of a webhook. One that begins
// with a reference is judged when that is resolved. It may hold a secret, so it
// is not repeated.
func validateAuditURL(address string) *apis.FieldError {
	if address == "" || strings.HasPrefix(address, "${") {
		return nil
	}
	if isTemplate(address) {
		address, _, _ = strings.Cut(address, "${") // what may be a secret is for the runner
	}
	u, err := url.Parse(address)
	switch {
	case len(address) > maxAuditURL || err != nil || u.Host == "" && !strings.HasSuffix(address, "://") || u.User != nil:
		return unfit("url", "must be a URL like https://audit.example.com/aof, without a user")
	case u.Scheme != "http" && u.Scheme != "https":
		return unfit("url", "must begin with https:// or http://")
	default:
		return nil
	}
}

const (
	maxAuditURL     = 2048
	maxAuditHeaders = 20
)

func (a *ContextAudit) validateHeaders() *apis.FieldError {
	var errs *apis.FieldError
	if len(a.Headers) > maxAuditHeaders {
		return unfit("headers", fmt.Sprintf("has %d items, at most %d are allowed", len(a.Headers), maxAuditHeaders))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		path := "headers[" + bounded(name, maxQuoted) + "]"
		value := a.Headers[name]
		switch {
		case !headerName.MatchString(name):
			errs = errs.Also(unfit(path, "is no name of an HTTP header"))
		case reservedHeader(name):
			errs = errs.Also(unfit(path, "is set by the sender"))
		case len(value) > maxAuditURL || strings.ContainsFunc(value, unicode.IsControl):
			errs = errs.Also(unfit(path, "is no value of an HTTP header"))
		default:
			errs = errs.Also(validateSecretTemplate(value, path))
		}
	}
	return errs
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]{1,100}$`)

func reservedHeader(name string) bool {
	switch strings.ToLower(name) {
	case "content-type", "content-length", "host", "connection", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-connection":
		return true
	default:
		return false
	}
}
