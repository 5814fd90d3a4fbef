// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/guard"
)

// contextOf merges the Context with the flow's own: the flow's fills what the
// Context leaves open, since the Context is what the operator of the cluster
// decided.
func contextOf(c *aofv1.Context, own *aofv1.FlowContext) Context {
	out := Context{Facts: map[string]string{}, Env: map[string]string{}}
	if own != nil {
		set(out.Facts, "namespace", own.Namespace)
		set(out.Facts, "cluster", own.Cluster)
		set(out.Facts, "kubeconfig", own.Kubeconfig)
		set(out.Facts, "working_dir", own.WorkingDir)
		maps.Copy(out.Env, own.Env)
	}
	if c == nil {
		return out
	}
	out.Object, out.Namespace = c.Name, c.Namespace
	set(out.Facts, "name", c.Name)
	set(out.Facts, "namespace", c.Spec.Namespace)
	set(out.Facts, "cluster", c.Spec.Cluster)
	set(out.Facts, "kubeconfig", c.Spec.Kubeconfig)
	set(out.Facts, "working_dir", c.Spec.WorkingDir)
	maps.Copy(out.Env, c.Spec.Env)
	if a := c.Spec.Approval; a != nil {
		out.Approval = Approval{
			Required:       deref(a.Required),
			AllowedUsers:   a.AllowedUsers,
			TimeoutSeconds: deref(a.TimeoutSeconds),
			MinApprovers:   deref(a.MinApprovers),
			AllowSelf:      deref(a.AllowSelfApproval),
			RequireFor:     a.RequireFor,
		}
	}
	out.Audit = auditOf(c.Spec.Audit)
	out.Limits = limitsOf(c.Spec.Limits)
	return out
}

// auditOf is nil for an audit that is not enabled.
func auditOf(a *aofv1.ContextAudit) *Audit {
	if a == nil || !deref(a.Enabled) {
		return nil
	}
	return &Audit{
		Sink: string(a.Sink), URL: a.URL, Headers: a.Headers, Path: a.Path, Events: a.Events, Payload: deref(a.IncludePayload),
	}
}

func limitsOf(l *aofv1.ContextLimits) Limits {
	if l == nil {
		return Limits{}
	}
	return Limits{
		Limits: guard.Limits{
			RequestsPerMinute: deref(l.MaxRequestsPerMinute), TokensPerDay: deref(l.MaxTokensPerDay), Concurrent: deref(l.MaxConcurrent),
		},
		ExecutionSeconds: deref(l.MaxExecutionTimeSeconds), Refuse: l.OnExceed == aofv1.OnExceedRefuse,
	}
}

func overrunOf(o *aofv1.BindingOverrun) *Overrun {
	if o == nil || o.Policy == "" || o.Policy == aofv1.OverrunParallel {
		return nil
	}
	return &Overrun{Policy: guard.Policy(o.Policy), Key: o.Key}
}

func overrideApproval(a *Approval, o *aofv1.BindingOverrides) {
	if o == nil || o.Approval == nil {
		return
	}
	if s := o.Approval.ApprovalTimeoutSeconds; s != nil {
		a.TimeoutSeconds = *s
	}
	if deref(o.Approval.RequireDoubleApproval) && a.MinApprovers < 2 {
		a.MinApprovers = 2
	}
}

func set(m map[string]string, key, value string) {
	if value != "" {
		m[key] = value
	}
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
