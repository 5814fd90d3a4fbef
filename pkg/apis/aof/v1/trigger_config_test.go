// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConfigIsFoundUnderAllItsNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, spec, ask string
		want            []string
		under           string
	}{
		{name: "its own name", spec: `{config: {channels: [a, b]}}`, ask: "channels", want: []string{"a", "b"}, under: "channels"},
		{name: "upstream's other names", spec: `{config: {chat_ids: [-100, 7]}}`, ask: "channels", want: []string{"-100", "7"}, under: "chat_ids"},
		{name: "camelCase", spec: `{config: {allowedUsers: U1}}`, ask: "users", want: []string{"U1"}, under: "allowedUsers"},
		{name: "the name asked for comes first", spec: `{config: {secret: a, webhook_secret: b}}`, ask: "webhook_secret", want: []string{"b"}, under: "webhook_secret"},
		{name: "the canonical name comes next", spec: `{config: {allowed_users: [a], users: [b]}}`, ask: "allowed_numbers", want: []string{"b"}, under: "users"},
		{name: "large ids keep their digits", spec: `{config: {chats: [-1001234567890]}}`, ask: "channels", want: []string{"-1001234567890"}, under: "chats"},
		{name: "what is no scalar is left out", spec: `{config: {users: [{a: b}, c]}}`, ask: "users", want: []string{"c"}, under: "users"},
		{name: "nothing", spec: `{config: {}}`, ask: "users"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			spec := read(t, "Trigger", tc.spec).(*Trigger).Spec
			assert.Equal(t, tc.want, spec.ConfigStrings(tc.ask))
			key, _, found := spec.ConfigValue(tc.ask)
			assert.Equal(t, tc.under, key)
			assert.Equal(t, tc.under != "", found)
		})
	}
}

func TestConfigString(t *testing.T) {
	t.Parallel()
	spec := read(t, "Trigger", `{config: {botToken: "${T}", port: 8080, ratio: 0.00001, list: [a]}}`).(*Trigger).Spec
	assert.Equal(t, "${T}", spec.ConfigString("bot_token"))
	assert.Equal(t, "8080", spec.ConfigString("port"))
	assert.Equal(t, "0.00001", spec.ConfigString("ratio"))
	assert.Empty(t, spec.ConfigString("list"))
	assert.Empty(t, spec.ConfigString("absent"))
}

func TestFilters(t *testing.T) {
	t.Parallel()
	trigger := read(t, "Trigger", `{type: Jira, config: {projects: [OPS], users: [U], events: [issue_created], patterns: [p], channels: [ignored]}}`).(*Trigger)
	f := trigger.Filter()
	assert.Equal(t, "trigger x", f.Name)
	assert.Equal(t, []string{"OPS"}, f.Channels)
	assert.Equal(t, []string{"U"}, f.Users)
	assert.Equal(t, []string{"issue_created"}, f.Events)
	assert.Equal(t, []string{"p"}, f.Patterns)
	for kind, config := range map[TriggerType]string{
		TriggerSlack: "channels", TriggerTelegram: "chats", TriggerPagerDuty: "services", TriggerGitHub: "repositories", TriggerGitLab: "projects",
	} {
		spec := TriggerSpec{Type: kind, Config: JSONObject{config: []any{"here"}}}
		assert.Equal(t, []string{"here"}, spec.Channels(), kind)
	}

	binding := read(t, "FlowBinding", `{match: {patterns: [p], conditions: {k: v}, priority: 7, channels: [c], required_keywords: [r]}}`).(*FlowBinding)
	f = binding.Filter()
	assert.Equal(t, "binding x", f.Name)
	assert.Equal(t, map[string]string{"k": "v"}, f.Conditions)
	assert.Equal(t, []string{"r"}, f.RequiredKeywords)
	assert.Equal(t, 7, binding.Priority())
	assert.Zero(t, (&FlowBinding{}).Priority())
	assert.Equal(t, "binding ", (&FlowBinding{}).Filter().Name)
}

func TestEnabled(t *testing.T) {
	t.Parallel()
	off := false
	assert.True(t, (&Trigger{}).IsEnabled())
	assert.False(t, (&Trigger{Spec: TriggerSpec{Enabled: &off}}).IsEnabled())
	assert.True(t, (&FlowBinding{}).IsEnabled())
	assert.False(t, (&FlowBinding{Spec: FlowBindingSpec{Enabled: &off}}).IsEnabled())
}
