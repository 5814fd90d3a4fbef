// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "context"

// SetDefaults brings the type to its canonical spelling: slack to Slack, cron to
// Schedule, webhook to HTTP. The config stays as it is written.
func (t *Trigger) SetDefaults(context.Context) {
	t.Spec.Type = CanonicalTriggerType(string(t.Spec.Type))
}

// CanonicalTriggerType finds the type that a word stands for, in any case and
// with the synonyms Webhook (HTTP) and Cron (Schedule). A word that stands for
// none is returned as it is.
func CanonicalTriggerType(word string) TriggerType {
	return canonicalWord(TriggerType(word), triggerTypes, triggerSynonyms)
}

var triggerTypes = []TriggerType{
	TriggerSlack, TriggerTelegram, TriggerDiscord, TriggerHTTP, TriggerSchedule, TriggerPagerDuty, TriggerJira,
	TriggerWhatsApp, TriggerGitHub, TriggerGitLab, TriggerBitbucket, TriggerTeams, TriggerOpsgenie, TriggerManual, TriggerWebhook,
}

var triggerSynonyms = map[string]TriggerType{
	"webhook":   TriggerHTTP,
	"cron":      TriggerSchedule,
	"scheduled": TriggerSchedule,
	"msteams":   TriggerTeams,
}
