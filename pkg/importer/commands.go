// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Upstream's newest Triggers route by themselves: a map from command to agent,
// fleet or flow. Here that is a FlowBinding per command; agents and fleets get
// a flow that asks them and replies.

// command is one entry of such a map.
type command struct {
	written string
	at      *yaml.Node // the value
	line    int
}

func (o *object) commands() {
	at := take(o.spec, "commands")
	var all []command
	switch {
	case isMapping(at):
		keys(at, func(key, value *yaml.Node) {
			all = append(all, command{written: strings.TrimSpace(key.Value), at: value, line: key.Line})
		})
	case !isEmpty(at):
		o.dropped(at, "commands are a mapping from a command to its agent, fleet or flow")
	}
	for _, c := range all {
		if c.written == "default" {
			continue
		}
		o.command(c, all)
	}
	o.fallbacks(all)
}

// command makes the binding of one command.
func (o *object) command(c command, all []command) {
	match := mapping(c.line)
	switch {
	case o.isEvent(c.written):
		set(match, "events", list(c.line, text(c.written, c.line)))
	default:
		word := "/" + strings.TrimPrefix(c.written, "/")
		set(match, "patterns", list(c.line, text(commandPattern(word), c.line)))
		if longer := longerThan(word, all); len(longer) > 0 {
			set(match, "excluded_keywords", list(c.line, longer...))
		}
	}
	o.route(c.at, c.line, objectName(o.name+"-"+c.written), match)
}

// codeHosts deliver every push and comment, or issue and comment: a key without
// a slash is an event there, and what no command takes is not worth an answer.
var codeHosts = []string{"GitHub", "GitLab", "Bitbucket", "Jira"}

// isEvent tells a key that names events, such as pull_request.opened and
// issue_created, from one that names a command.
func (o *object) isEvent(key string) bool {
	if strings.HasPrefix(key, "/") {
		return false
	}
	return strings.ContainsAny(key, "._:") || slices.Contains(codeHosts, str(find(o.spec, "type")))
}

// commandPattern matches a message that begins with the command.
func commandPattern(word string) string {
	fields := strings.Fields(word)
	for i := range fields {
		fields[i] = regexp.QuoteMeta(fields[i])
	}
	return "^" + strings.Join(fields, `\s+`) + `\b`
}

// longerThan lists the commands that begin with this one, such as "/review
// security" for "/review": they have their own binding, and every binding that
// matches runs.
func longerThan(word string, all []command) []*yaml.Node {
	var longer []*yaml.Node
	for _, c := range all {
		if other := "/" + strings.TrimPrefix(c.written, "/"); other != word && regexp.MustCompile(commandPattern(word)).MatchString(other) {
			longer = append(longer, text(other, c.line))
		}
	}
	return longer
}

// fallbacks makes the binding for messages no command takes: a `default`
// command, default_agent, or an agent, fleet or flow named on the Trigger itself.
func (o *object) fallbacks(all []command) {
	o.has.commands = all
	taken := false
	defer func() { o.has.fallback = taken }()
	for _, c := range all {
		if c.written == "default" {
			o.route(c.at, c.line, objectName(o.name+"-default"), o.otherwise(all, c.line))
			taken = true
		}
	}
	for _, key := range []string{"default_agent", "agent", "fleet", "flow"} {
		at := take(o.spec, key)
		if isEmpty(at) {
			continue
		}
		if taken {
			o.dropped(at, "another default is written and wins")
			continue
		}
		taken = true
		target := strings.TrimPrefix(key, "default_")
		route := o.moved(mapping(at.Line, pair{target, at}), at)
		match := mapping(at.Line)
		if key == "default_agent" {
			match = o.otherwise(all, at.Line)
		} else if params := take(o.spec, "parameters"); params != nil {
			set(route, "parameters", params)
		}
		o.route(route, at.Line, objectName(o.name+"-default"), match)
	}
}

// otherwise matches what no command does.
func (o *object) otherwise(all []command, line int) *yaml.Node {
	match := mapping(line)
	if slices.Contains(codeHosts, str(find(o.spec, "type"))) {
		set(match, "patterns", list(line, text(`^/`, line)))
		var taken []*yaml.Node
		for _, c := range all {
			if strings.HasPrefix(c.written, "/") {
				taken = append(taken, text(c.written, line))
			}
		}
		if len(taken) > 0 {
			set(match, "excluded_keywords", list(line, taken...))
		}
		return match
	}
	if len(all) > 0 {
		set(match, "patterns", list(line, text(`^\s*[^/\s]`, line)))
	}
	set(match, "priority", integer(-1, line))
	return match
}

// route makes a binding from this Trigger to what a command names.
func (o *object) route(at *yaml.Node, line int, name string, match *yaml.Node) {
	if isScalar(at) {
		at = o.moved(mapping(line, pair{"agent", at}), at)
	}
	if !isMapping(at) {
		o.dropped(at, "a command names an agent, a fleet or a flow")
		return
	}
	description := take(at, "description")
	flow := o.target(at, line, name)
	if flow == nil {
		return
	}
	o.leftovers(at, "a binding has no such setting")
	b := o.generate("FlowBinding", name, line)
	if b == nil {
		return
	}
	if isScalar(description) {
		asText(description)
		set(o.ensure(child(b.root, "metadata"), "annotations", line), "aof.dev/description", description)
	}
	set(b.spec, "trigger", mapping(line, pair{"name", text(o.name, line)}))
	set(b.spec, "context", o.in.defaultContext(o, line))
	set(b.spec, "flow", flow)
	if len(match.Content) > 0 {
		set(b.spec, "match", match)
	}
}

// target gives the reference to the flow a command runs; flows for agents and
// fleets are made. Nil, with a note, when there is nothing to run.
func (o *object) target(at *yaml.Node, line int, name string) *yaml.Node {
	if flow := take(at, "flow"); !isEmpty(flow) {
		if truth(find(at, "requires_approval")) {
			o.note(at, Refused, "the command asks for an approval before flow %s: put an Approval node into that flow, then bind it", clip(str(flow), 60))
			keys(at, func(key, _ *yaml.Node) { take(at, key.Value) })
			return nil
		}
		for _, both := range []string{"agent", "fleet"} {
			o.drop(at, both, "flow is written as well and wins")
		}
		return o.reference(flow, "AgentFlow")
	}
	for _, kind := range []string{"agent", "fleet"} {
		who := take(at, kind)
		if isEmpty(who) {
			continue
		}
		if str(who) == "builtin" {
			o.dropped(who, "upstream's built-in commands have no counterpart")
			o.leftovers(at, "it belongs to a built-in command")
			return nil
		}
		return o.ask(at, kind, who, line, name)
	}
	o.dropped(at, "the command names no agent, fleet or flow")
	return nil
}
