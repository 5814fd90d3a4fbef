// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "context"

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
		a.Sink = canonicalWord(a.Sink, auditSinks, nil)
		if a.Sink == "" {
			a.Sink = AuditSinkStdout
		}
	}
	if l := spec.Limits; l != nil {
		foldPointer(&l.MaxRequestsPerMinute, &l.RateLimitPerMinute)
		foldPointer(&l.MaxConcurrent, &l.MaxConcurrentOperations)
		foldPointer(&l.MaxExecutionTimeSeconds, &l.TimeoutSeconds)
	}
}

var auditSinks = []AuditSink{AuditSinkStdout, AuditSinkFile, AuditSinkWebhook}
