// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/match"
)

// configAliases lists the names under which one setting of a trigger is known,
// the canonical one first. Upstream's documents, code and examples use them all.
var configAliases = [][]string{
	{"channels", "allowed_channels", "allowed_chat_ids", "chat_ids", "chats", "allowed_groups"},
	{"users", "allowed_users", "allowed_numbers"},
	{"service_ids", "services", "allowed_services"},
	{"project_keys", "projects", "allowed_projects"},
	{"repositories", "allowed_repositories"},
	{"url", "base_url"},
	{"username", "email", "user_email"},
	{"secret", "webhook_secret"},
	{"method", "methods"},
	{"headers", "required_headers"},
	{"urgency", "urgencies"},
	{"status", "statuses"},
	{"events", "github_events", "jira_events", "gitlab_events", "bitbucket_events", "event_types", "allowed_events"},
	{"patterns"},
}

// credentialKeys are the settings that hold secrets.
var credentialKeys = []string{
	"bot_token", "app_token", "signing_secret", "app_secret", "secret", "webhook_secret", "api_key", "api_token", "routing_key",
	"verify_token", "token", "access_token", "app_password", "webhook_token", "auth_token", "password",
}

// IsEnabled reports whether the trigger takes events: yes unless `enabled` is false.
func (t *Trigger) IsEnabled() bool { return t.Spec.Enabled == nil || *t.Spec.Enabled }

// Filter is what the trigger itself demands of its events, for pkg/match.
func (t *Trigger) Filter() match.Filter {
	return match.Filter{
		Name:     "trigger " + t.Name,
		Patterns: t.Spec.ConfigStrings("patterns"),
		Channels: t.Spec.Channels(),
		Users:    t.Spec.ConfigStrings("users"),
		Events:   t.Spec.ConfigStrings("events"),
	}
}

// Channels are the places the trigger listens to, by what its platform calls a
// place: channels and chats, for PagerDuty services, for Jira projects.
func (s *TriggerSpec) Channels() []string {
	switch s.Type {
	case TriggerPagerDuty:
		return s.ConfigStrings("service_ids")
	case TriggerJira:
		return s.ConfigStrings("project_keys")
	case TriggerGitHub, TriggerBitbucket:
		return s.ConfigStrings("repositories")
	case TriggerGitLab:
		return s.ConfigStrings("project_keys")
	case TriggerSlack, TriggerTelegram, TriggerDiscord, TriggerHTTP, TriggerSchedule, TriggerWhatsApp, TriggerTeams,
		TriggerOpsgenie, TriggerManual, TriggerWebhook:
		return s.ConfigStrings("channels")
	default:
		return s.ConfigStrings("channels")
	}
}

// ConfigValue finds a setting under its own name or any other by which it is
// known, in snake_case or camelCase, and says under which key it stands.
func (s *TriggerSpec) ConfigValue(name string) (key string, value any, found bool) {
	return lookUpConfig(s.Config, name)
}

// ConfigString is a setting as text; empty when it is absent or no scalar. A
// `${NAME}` in it is as written.
func (s *TriggerSpec) ConfigString(name string) string {
	_, value, _ := s.ConfigValue(name)
	text, _ := scalarText(value)
	return text
}

// ConfigStrings is a setting as a list of texts. A single value is a list of
// one; what is no scalar is left out.
func (s *TriggerSpec) ConfigStrings(name string) []string {
	_, value, _ := s.ConfigValue(name)
	return scalarTexts(value)
}

func lookUpConfig(config JSONObject, name string) (key string, value any, found bool) {
	for _, known := range namesOf(name) {
		if value, ok := config[known]; ok {
			return known, value, true
		}
	}
	for _, known := range namesOf(name) {
		flat := flatKey(known)
		for _, key := range slices.Sorted(maps.Keys(config)) {
			if flatKey(key) == flat {
				return key, config[key], true
			}
		}
	}
	return "", nil, false
}

// namesOf lists a name itself, then the others of the same setting.
func namesOf(name string) []string {
	for _, names := range configAliases {
		if slices.Contains(names, name) {
			return append([]string{name}, names...)
		}
	}
	return []string{name}
}

// flatKey makes bot_token, botToken and bot-token one.
func flatKey(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
}

func scalarTexts(value any) []string {
	items, ok := value.([]any)
	if !ok {
		if texts, ok := value.([]string); ok {
			return slices.Clone(texts)
		}
		items = []any{value}
	}
	var out []string
	for _, item := range items {
		if text, ok := scalarText(item); ok {
			out = append(out, text)
		}
	}
	return out
}

// scalarText writes a JSON scalar as a user would: ids of chats are numbers in
// some files and strings in others, and both are meant alike.
func scalarText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case json.Number:
		return v.String(), true
	default:
		return "", false
	}
}
