// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// platforms maps every name upstream gives an event source to ours.
var platforms = map[string]string{
	"slack": "Slack", "telegram": "Telegram", "discord": "Discord", "whatsapp": "WhatsApp",
	"http": "HTTP", "webhook": "HTTP", "https": "HTTP", "api": "HTTP",
	"schedule": "Schedule", "cron": "Schedule", "scheduled": "Schedule", "timer": "Schedule",
	"pagerduty": "PagerDuty", "jira": "Jira", "github": "GitHub", "gitlab": "GitLab", "bitbucket": "Bitbucket",
	"teams": "Teams", "msteams": "Teams", "opsgenie": "Opsgenie", "manual": "Manual",
}

func platformOf(name string) string {
	return platforms[strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(strings.TrimSpace(name)))]
}

// platformName finds the platform of a trigger in the fields it may stand in.
func platformName(spec *yaml.Node) string {
	at := find(spec, "type", "platform")
	if isMapping(at) {
		at = find(at, "type")
	}
	return platformOf(str(at))
}

// beside are the fields of a trigger's spec that are not its configuration.
var beside = []string{"type", "config", "enabled", "commands", "default_agent", "defaultagent", "on_error", "parameters", "description", "agent", "fleet", "flow"}

// trigger turns the forms of a Trigger into type and config, and what it says
// about commands into bindings.
func (o *object) trigger() {
	o.platform(o.spec)
	o.triggerType(o.spec)
	config := o.section(o.spec, "config")
	if config == nil {
		config = o.gather()
	}
	o.triggerConfig(config)
	o.commands()
	o.drop(o.spec, "on_error", "what to do on an error is for the flow to say")
	for _, key := range []string{"parameters", "description"} {
		if key == "description" {
			o.describe(o.spec)
			continue
		}
		o.drop(o.spec, key, "a Trigger has no such field")
	}
}

// describe keeps a description as an annotation, for kinds without such a field.
func (o *object) describe(spec *yaml.Node) {
	at := find(spec, "description")
	if !isScalar(at) {
		return
	}
	take(spec, "description")
	asText(at)
	annotations := o.ensure(child(o.root, "metadata"), "annotations", at.Line)
	if find(annotations, "aof.dev/description") != nil {
		o.dropped(at, "metadata describes the object already")
		return
	}
	set(annotations, "aof.dev/description", at)
}

// platform resolves `platform: slack` and `platform: {type, config}`.
func (o *object) platform(spec *yaml.Node) {
	at := take(spec, "platform")
	if isScalar(at) {
		if find(spec, "type") != nil {
			o.dropped(at, "type is written as well and wins")
			return
		}
		setFirst(spec, "type", at)
		return
	}
	if at == nil || isNull(at) {
		return
	}
	for _, key := range []string{"config", "type"} {
		if value := take(at, key); value != nil {
			if find(spec, key) != nil {
				o.dropped(value, "spec.%s is written as well and wins", key)
				continue
			}
			setFirst(spec, key, value)
		}
	}
	if isMapping(at) {
		o.leftovers(at, "a platform is {type, config}")
	} else {
		o.dropped(at, "a platform is a name or {type, config}")
	}
}

func (o *object) triggerType(spec *yaml.Node) {
	at := find(spec, "type")
	if at == nil {
		o.refuse(nil, "spec.type is missing: which platform is it?")
		return
	}
	known := platformOf(str(at))
	if known == "" {
		o.refuse(at, "trigger type %q is not known: want Slack, Telegram, Discord, WhatsApp, HTTP, Schedule, PagerDuty, Jira, GitHub, GitLab, Bitbucket, Teams, Opsgenie or Manual", clip(str(at), 40))
		return
	}
	set(spec, "type", o.moved(text(known, at.Line), at))
}

// gather makes a config of the fields that stand beside type where upstream's
// shorter forms have them.
func (o *object) gather() *yaml.Node {
	config := mapping(o.spec.Line)
	keys(o.spec, func(key, value *yaml.Node) {
		if slices.Contains(beside, key.Value) || slices.Contains(beside, fold(key.Value)) {
			return
		}
		take(o.spec, key.Value)
		set(config, key.Value, value)
	})
	set(o.spec, "config", config)
	return config
}

// triggerConfig settles the few keys whose form ours does not take; all others
// are carried as they stand.
func (o *object) triggerConfig(config *yaml.Node) {
	switch str(find(o.spec, "type")) {
	case "Slack", "Telegram", "Discord":
		o.alias(config, "bot_token", "token")
	case "HTTP":
		o.requiredHeaders(config)
	}
}

// requiredHeaders turns a list of header names into the documented mapping,
// in which "*" stands for any value.
func (o *object) requiredHeaders(config *yaml.Node) {
	for _, key := range []string{"required_headers", "headers"} {
		at := find(config, key)
		if !isSequence(at) {
			continue
		}
		headers := mapping(at.Line)
		for _, item := range at.Content {
			if !isText(item) {
				o.dropped(item, "the name of a header is text")
				continue
			}
			any := text("*", item.Line)
			any.Style = yaml.DoubleQuotedStyle
			set(headers, item.Value, any)
		}
		set(config, key, headers)
	}
}
