// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// context turns upstream's Context, in its documented form and in the forms of
// the examples, into ours.
func (o *object) context() {
	spec := o.spec
	o.alias(spec, "cluster", "cluster_name", "clusterName")
	o.alias(spec, "working_dir", "workingDir")
	o.textValues(o.section(spec, "env"))
	o.approval(spec)
	o.audit(o.section(spec, "audit"))
	if limits := o.section(spec, "limits"); limits != nil {
		o.alias(limits, "max_requests_per_minute", "rate_limit_per_minute")
		o.alias(limits, "max_concurrent", "max_concurrent_operations", "max_concurrent_requests")
		o.alias(limits, "max_execution_time_seconds", "timeout_seconds")
		o.drop(limits, "max_requests_per_hour", "runs are limited by the minute: use max_requests_per_minute")
		o.drop(limits, "max_tokens_per_request", "a reply is limited by the Agent's max_tokens")
		o.drop(limits, "max_cost_per_day", "prices are not known here: use max_tokens_per_day")
	}
}

// textValues makes text of numbers and booleans, as environment variables are.
func (o *object) textValues(env *yaml.Node) {
	keys(env, func(key, value *yaml.Node) {
		switch {
		case isNull(value):
			set(env, key.Value, text("", value.Line))
		case isScalar(value):
			asText(value)
		default:
			o.drop(env, key.Value, "the value of a variable must be text")
		}
	})
}

func (o *object) approval(spec *yaml.Node) {
	if users := take(spec, "approval_allowed_users"); users != nil {
		if approval := o.ensure(spec, "approval", users.Line); find(approval, "allowed_users") == nil {
			set(approval, "allowed_users", users)
		} else {
			o.dropped(users, "approval.allowed_users is written as well and wins")
		}
	}
	approval := o.section(spec, "approval")
	if approval == nil {
		return
	}
	o.alias(approval, "required", "enabled")
	o.alias(approval, "require_for", "required_for")
	o.minutes(approval)
	for _, user := range items(find(approval, "allowed_users")) {
		asText(user)
	}
}

// minutes turns a time limit in minutes into one in seconds.
func (o *object) minutes(node *yaml.Node) {
	const from, to = "timeout_minutes", "timeout_seconds"
	at := find(node, from)
	n, ok := number(at)
	if !ok {
		return
	}
	if find(node, to) != nil {
		o.drop(node, from, to+" is written as well and wins")
		return
	}
	take(node, from)
	set(node, to, o.moved(integer(n*60, at.Line), at))
}

// into sets a field that the object does not have yet.
func (o *object) into(node *yaml.Node, key string, value *yaml.Node) {
	if find(node, key) != nil {
		o.dropped(value, "%s is written as well and wins", key)
		return
	}
	set(node, key, value)
}

// audit settles where records go. Upstream writes URLs where the seed has three
// words.
func (o *object) audit(audit *yaml.Node) {
	if audit == nil {
		return
	}
	o.alias(audit, "sink", "destination")
	o.alias(audit, "url", "webhook_url", "webhookUrl")
	o.alias(audit, "path", "log_path", "logPath")
	o.alias(audit, "include_payload", "includePayload", "log_responses")
	sink := find(audit, "sink")
	if !isScalar(sink) {
		return
	}
	written := sink.Value
	scheme, rest, url := strings.Cut(written, "://")
	switch {
	case !url:
		sink.Value = strings.ToLower(written)
		switch sink.Value {
		case "stdout", "file", "webhook":
			return
		}
		take(audit, "sink")
		o.changed(sink, "audit sink %s is not known: records go to stdout", clip(written, 60))
	case scheme == "stdout":
		sink.Value = "stdout"
	case scheme == "file":
		sink.Value = "file"
		o.into(audit, "path", text(rest, sink.Line))
	case scheme == "http" || scheme == "https":
		sink.Value = "webhook"
		o.into(audit, "url", text(written, sink.Line))
	default:
		take(audit, "sink")
		o.dropped(sink, "audit records to %s:// : there is no such sink, they go to stdout", clip(scheme, 20))
	}
}
