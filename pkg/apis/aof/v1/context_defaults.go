// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"slices"
	"strings"
)

const (
	defaultNamespace              = "default"
	defaultApprovalTimeoutSeconds = int64(300)
)

// SetDefaults fills in the published defaults and brings other spellings of a
// field to the canonical one.
func (c *Context) SetDefaults(context.Context) {
	spec := &c.Spec
	fold(&spec.Cluster, &spec.ClusterName)
	fold(&spec.WorkingDir, &spec.WorkingDirCamel)
	if spec.Namespace == "" {
		spec.Namespace = defaultNamespace
	}
	if a := spec.Approval; a != nil {
		foldPointer(&a.Required, &a.Enabled)
		foldList(&a.RequireFor, &a.RequiredFor)
		if a.TimeoutSeconds == nil {
			seconds := defaultApprovalTimeoutSeconds
			a.TimeoutSeconds = &seconds
		}
	}
	if a := spec.Audit; a != nil {
		a.setDefaults()
	}
	if l := spec.Limits; l != nil {
		foldPointer(&l.MaxRequestsPerMinute, &l.RateLimitPerMinute)
		foldPointer(&l.MaxConcurrent, &l.MaxConcurrentOperations)
		foldPointer(&l.MaxExecutionTimeSeconds, &l.TimeoutSeconds)
		l.OnExceed = canonicalWord(l.OnExceed, onExceed, nil)
	}
}

// setDefaults settles where records go. A destination says it all, so it wins over
// a sink that the schema filled in.
func (a *ContextAudit) setDefaults() {
	fold(&a.URL, &a.WebhookURL)
	fold(&a.Path, &a.LogPath)
	foldPointer(&a.IncludePayload, &a.IncludePayloadCamel)
	for i, word := range a.Events {
		a.Events[i] = strings.ToLower(strings.TrimSpace(word))
	}
	if strings.Contains(string(a.Sink), "://") && a.Destination == "" {
		a.Destination, a.Sink = string(a.Sink), ""
	}
	a.foldDestination()
	a.Sink = canonicalWord(a.Sink, auditSinks, nil)
	if a.Sink == "" {
		a.Sink = AuditSinkStdout
	}
	if a.Sink == AuditSinkWebhook && a.URL == "" {
		a.URL = DefaultAuditURL
	}
}

// foldDestination takes a destination apart. One that it can't place, or that
// says otherwise than url or path, stays for Validate to refuse.
func (a *ContextAudit) foldDestination() {
	scheme, rest, isURL := strings.Cut(a.Destination, "://")
	if a.Sink != "" && a.Sink != AuditSinkStdout && isURL && canonicalWord(a.Sink, auditSinks, nil) != sinkOf(scheme) {
		return
	}
	switch {
	case a.Destination == "":
	case !isURL:
		word := canonicalWord(AuditSink(a.Destination), auditSinks, nil)
		if slices.Contains(auditSinks, word) {
			a.Sink, a.Destination = word, ""
		}
	case sinkOf(scheme) == AuditSinkStdout && rest == "":
		a.Sink, a.Destination = AuditSinkStdout, ""
	case sinkOf(scheme) == AuditSinkFile && (a.Path == "" || a.Path == rest):
		a.Sink, a.Path, a.Destination = AuditSinkFile, rest, ""
	case sinkOf(scheme) == AuditSinkWebhook && (a.URL == "" || a.URL == a.Destination):
		a.Sink, a.URL, a.Destination = AuditSinkWebhook, a.Destination, ""
	}
}

// sinkOf is the sink that the scheme of a URL means; empty for none.
func sinkOf(scheme string) AuditSink {
	switch strings.ToLower(scheme) {
	case "stdout":
		return AuditSinkStdout
	case "file":
		return AuditSinkFile
	case "http", "https":
		return AuditSinkWebhook
	default:
		return ""
	}
}

// DefaultAuditURL is where a webhook sink without a url finds it: among the
// credentials of the namespace.
const DefaultAuditURL = "${AUDIT_WEBHOOK_URL}"

var onExceed = []OnExceed{OnExceedWait, OnExceedRefuse}

var auditSinks = []AuditSink{AuditSinkStdout, AuditSinkFile, AuditSinkWebhook}
