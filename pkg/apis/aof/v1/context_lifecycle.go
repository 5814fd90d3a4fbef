// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// The conditions of a Context. Ready is ConfigurationValid, unless the kubeconfig
// is known to be of no use.
const (
	ContextConditionReady = apis.ConditionReady
	// ContextConditionConfigurationValid says whether the spec can be obeyed.
	ContextConditionConfigurationValid apis.ConditionType = "ConfigurationValid"
	// ContextConditionKubeconfigValid says whether the cluster can be reached with
	// the kubeconfig; true when the context has none.
	ContextConditionKubeconfigValid apis.ConditionType = "KubeconfigValid"
	// ContextConditionAuditDeliverable says whether audit records can get where they
	// should; absent when the context asks for no audit. The context is ready all
	// the same: records that can't be delivered are kept with their runs.
	ContextConditionAuditDeliverable apis.ConditionType = "AuditDeliverable"
)

// Reasons of a Context's conditions.
const (
	ReasonKubeconfigAccessible   = "KubeconfigAccessible"
	ReasonKubeconfigInaccessible = "KubeconfigInaccessible"
	ReasonNoKubeconfig           = "NoKubeconfig"
	// ReasonKubeconfigNotChecked says that only the runner can see the file.
	ReasonKubeconfigNotChecked = "KubeconfigNotChecked"
	// ReasonFileInRunner says that only the runner can see the audit file.
	ReasonFileInRunner = "FileInRunner"
	ReasonAuditSinkSet = "AuditSinkSet"
)

var contextConditions = apis.NewLivingConditionSet(ContextConditionConfigurationValid)

// GetGroupVersionKind names the kind.
func (*Context) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("Context")
}

// GetConditionSet says which conditions the kind has.
func (*Context) GetConditionSet() apis.ConditionSet { return contextConditions }

// GetStatus gives the duck-typed part of the status.
func (c *Context) GetStatus() *duckv1.Status { return &c.Status.Status }

// GetUntypedSpec gives the spec.
func (c *Context) GetUntypedSpec() any { return c.Spec }

// IsReady reports whether flows may run in the context as its spec stands now.
func (c *Context) IsReady() bool {
	return c.Generation == c.Status.ObservedGeneration && c.Status.GetCondition(ContextConditionReady).IsTrue()
}

// GetCondition gives the condition of that type, nil when there is none.
func (s *ContextStatus) GetCondition(t apis.ConditionType) *apis.Condition {
	return contextConditions.Manage(s).GetCondition(t)
}

// InitializeConditions sets every condition that is missing to Unknown.
func (s *ContextStatus) InitializeConditions() {
	contextConditions.Manage(s).InitializeConditions()
	s.derive()
}

// MarkConfigurationValid says that the spec can be obeyed.
func (s *ContextStatus) MarkConfigurationValid() {
	contextConditions.Manage(s).MarkTrueWithReason(ContextConditionConfigurationValid, ReasonConfigurationValid, "")
	s.derive()
}

// MarkConfigurationInvalid says why the spec can't be obeyed, and returns err.
func (s *ContextStatus) MarkConfigurationInvalid(reason string, err error) error {
	defer s.derive()
	return markFailed(contextConditions.Manage(s), ContextConditionConfigurationValid, reason, err)
}

// MarkKubeconfigValid says that the cluster can be reached.
func (s *ContextStatus) MarkKubeconfigValid() {
	contextConditions.Manage(s).MarkTrueWithReason(ContextConditionKubeconfigValid, ReasonKubeconfigAccessible, "")
	s.derive()
}

// MarkNoKubeconfig says that the context asks for no cluster but its own.
func (s *ContextStatus) MarkNoKubeconfig() {
	contextConditions.Manage(s).MarkTrueWithReason(ContextConditionKubeconfigValid, ReasonNoKubeconfig, "the context names no kubeconfig")
	s.derive()
}

// MarkKubeconfigFailed says why the cluster can't be reached, and returns err.
func (s *ContextStatus) MarkKubeconfigFailed(reason string, err error) error {
	defer s.derive()
	return markFailed(contextConditions.Manage(s), ContextConditionKubeconfigValid, reason, err)
}

// MarkKubeconfigUnknown says why nobody knows whether the cluster can be reached.
// The context is ready all the same: whoever opens the file says so if it can't.
func (s *ContextStatus) MarkKubeconfigUnknown(reason, message string) {
	contextConditions.Manage(s).MarkUnknown(ContextConditionKubeconfigValid, reason, "%s", bounded(message, maxConditionMessage))
	s.derive()
}

// MarkNoAudit says that the context asks for no audit.
func (s *ContextStatus) MarkNoAudit() {
	_ = contextConditions.Manage(s).ClearCondition(ContextConditionAuditDeliverable) // only Ready can't be cleared
}

// MarkAuditDeliverable says that nothing is known to be in the records' way.
func (s *ContextStatus) MarkAuditDeliverable() {
	contextConditions.Manage(s).MarkTrueWithReason(ContextConditionAuditDeliverable, ReasonAuditSinkSet, "")
}

// MarkAuditUndeliverable says why records can't be delivered.
func (s *ContextStatus) MarkAuditUndeliverable(reason string, err error) {
	contextConditions.Manage(s).MarkFalse(ContextConditionAuditDeliverable, reason, "%s", bounded(err.Error(), maxConditionMessage))
}

// MarkAuditUnknown says why nobody here knows whether records can be delivered.
func (s *ContextStatus) MarkAuditUnknown(reason, message string) {
	contextConditions.Manage(s).MarkUnknown(ContextConditionAuditDeliverable, reason, "%s", bounded(message, maxConditionMessage))
}

// derive keeps the published summary equal to what the conditions say. A
// kubeconfig that can't be used makes the context unready, one that was not
// looked at does not.
func (s *ContextStatus) derive() {
	kubeconfig := s.GetCondition(ContextConditionKubeconfigValid)
	if m := contextConditions.Manage(s); kubeconfig.IsFalse() && s.GetCondition(ContextConditionConfigurationValid).IsTrue() {
		m.MarkFalse(ContextConditionReady, kubeconfig.Reason, "%s", kubeconfig.Message)
	} else if s.GetCondition(ContextConditionConfigurationValid).IsTrue() {
		m.MarkTrue(ContextConditionReady)
	}
	s.Ready = s.GetCondition(ContextConditionReady).IsTrue()
}
