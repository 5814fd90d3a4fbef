// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"fmt"

	"knative.dev/pkg/apis"
)

// Reasons that several kinds use.
const (
	// ReasonConfigurationValid is the reason of a condition that is true because
	// the spec says nothing that can't be done.
	ReasonConfigurationValid = "ConfigurationValid"
	// ReasonConfigurationInvalid is the reason of a condition that is false until
	// the spec is changed.
	ReasonConfigurationInvalid = "ConfigurationInvalid"
	// ReasonReferenceNotFound says that an object the spec refers to does not exist.
	ReasonReferenceNotFound = "ReferenceNotFound"
	// ReasonReferenceNotReady says that an object the spec refers to is not ready.
	ReasonReferenceNotReady = "ReferenceNotReady"
	// ReasonReferenceReady says that an object the spec refers to is ready.
	ReasonReferenceReady = "ReferenceReady"
	// ReasonAllReferencesValid says that every object the spec refers to exists.
	ReasonAllReferencesValid = "AllReferencesValid"
	// ReasonNotYetKnown says that nothing has been observed so far.
	ReasonNotYetKnown = "NotYetKnown"
	// ReasonDisabled says that the user switched the object off.
	ReasonDisabled = "Disabled"
)

// maxConditionMessage keeps messages readable and objects small: an error may
// carry what a platform or a model said.
const maxConditionMessage = 1024

// markFailed sets a condition to False with the error's text, bounded, and
// returns the error, so that a reconciler can mark and return in one expression.
func markFailed(m apis.ConditionManager, t apis.ConditionType, reason string, err error) error {
	if err == nil {
		return nil
	}
	m.MarkFalse(t, reason, "%s", bounded(err.Error(), maxConditionMessage))
	return err
}

// propagate takes over what another object's condition says, naming the object.
func propagate(m apis.ConditionManager, t apis.ConditionType, what string, from *apis.Condition) {
	switch {
	case from.IsTrue():
		m.MarkTrueWithReason(t, ReasonReferenceReady, "%s is ready", what)
	case from.IsFalse():
		m.MarkFalse(t, orElse(from.Reason, ReasonReferenceNotReady), "%s is not ready: %s", what, bounded(from.Message, maxConditionMessage))
	default:
		m.MarkUnknown(t, orElse(from.GetReason(), ReasonNotYetKnown), "%s is not ready yet: %s", what, bounded(from.GetMessage(), maxConditionMessage))
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// bounded cuts a text to at most limit bytes on a rune's boundary.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:cut], len(s))
}
