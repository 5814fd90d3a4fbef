// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// intake is how the events of a Trigger come to us.
type intake int

const (
	// unsupported: nothing of ours listens to the platform.
	unsupported intake = iota
	// webhook: the platform calls the adapter.
	webhook
	// stream: we would have to hold a connection to the platform.
	stream
	// schedule: a PingSource ticks.
	schedule
	// byHand: somebody sends CloudEvents to the Broker.
	byHand
)

// intakeOf says how a Trigger's events come. The types that the adapter serves
// are those that cmd/adapter registers; a test compares them.
func intakeOf(spec *aofv1.TriggerSpec) intake {
	switch spec.Type {
	case aofv1.TriggerHTTP, aofv1.TriggerWebhook:
		return webhook
	case aofv1.TriggerSlack:
		if !has(spec, "signing_secret") && has(spec, "app_token") {
			return stream // Socket Mode
		}
		return webhook
	case aofv1.TriggerSchedule:
		return schedule
	case aofv1.TriggerManual:
		return byHand
	case aofv1.TriggerTelegram, aofv1.TriggerDiscord, aofv1.TriggerPagerDuty, aofv1.TriggerJira, aofv1.TriggerWhatsApp,
		aofv1.TriggerGitHub, aofv1.TriggerGitLab, aofv1.TriggerBitbucket, aofv1.TriggerTeams, aofv1.TriggerOpsgenie:
		return unsupported
	default:
		return unsupported
	}
}

// NeedsStream says whether a Trigger's events come over a connection of ours.
func NeedsStream(t *aofv1.Trigger) bool {
	return t.IsEnabled() && t.DeletionTimestamp == nil && intakeOf(&t.Spec) == stream
}

// required are the settings without which the adapter serves nothing.
func required(spec *aofv1.TriggerSpec) []string {
	if spec.Type == aofv1.TriggerSlack && !has(spec, "signing_secret") && !has(spec, "app_token") {
		return []string{"config.signing_secret"}
	}
	return nil
}

func has(spec *aofv1.TriggerSpec, setting string) bool {
	_, value, found := spec.ConfigValue(setting)
	return found && value != nil && value != ""
}
