// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// agent turns the fields of an agent into ours. It serves Agents, the members
// of fleets and the inline agents of nodes alike.
func (o *object) agent(spec *yaml.Node) {
	o.alias(spec, "instructions", "system_prompt", "system")
	o.model(spec)
	o.alias(spec, "max_tokens", "maxTokens")
	for _, section := range []string{"model_config", "parameters"} {
		o.lift(spec, section)
	}
	o.tools(spec)
	o.memory(spec)
	if env := o.section(spec, "env"); env != nil {
		o.textValues(env)
	}
}

// model makes one provider:model of the two fields upstream also has.
func (o *object) model(spec *yaml.Node) {
	provider := take(spec, "provider")
	if provider == nil {
		return
	}
	model := find(spec, "model")
	name, written := strings.ToLower(str(provider)), str(model)
	switch prefix, _, both := strings.Cut(written, ":"); {
	case written == "" || name == "":
		o.dropped(provider, "there is no model to go with it")
	case !both:
		model.Value = name + ":" + written
		model.Style, model.Tag = 0, "!!str"
	case !strings.EqualFold(prefix, name):
		o.dropped(provider, "the model names another provider, %s", clip(prefix, 40))
	}
}

// lift takes temperature and max_tokens out of the section examples put them in.
func (o *object) lift(spec *yaml.Node, section string) {
	from := find(spec, section)
	if !isMapping(from) {
		return
	}
	for _, key := range []string{"temperature", "max_tokens"} {
		value := find(from, key)
		if value == nil || !isScalar(value) {
			continue
		}
		if find(spec, key) != nil {
			o.drop(from, key, key+" is written beside it as well and wins")
			continue
		}
		take(from, key)
		set(spec, key, value)
	}
	take(spec, section)
	o.leftovers(from, "an agent here has no such setting")
}

func (o *object) tools(spec *yaml.Node) {
	at := find(spec, "tools")
	if isNull(at) {
		take(spec, "tools")
	}
	if isScalar(at) {
		set(spec, "tools", list(at.Line, at))
		at = find(spec, "tools")
	}
	if isMapping(at) {
		o.drop(spec, "tools", "tools are a list")
		return
	}
	var kept []*yaml.Node
	for _, tool := range items(at) {
		switch {
		case isScalar(tool):
			kept = append(kept, o.moved(mapping(tool.Line, pair{"name", named(tool)}), tool))
		case isMapping(tool) && len(tool.Content) > 0:
			kept = append(kept, tool)
		case !isNull(tool):
			o.dropped(tool, "a tool is a name or fields")
		}
	}
	if isSequence(at) {
		at.Content = kept
	}
}

// named makes a name of a scalar, which keeps its comment.
func named(tool *yaml.Node) *yaml.Node {
	asText(tool)
	return tool
}

// memory turns the string forms and the many spellings into {type, config}.
func (o *object) memory(spec *yaml.Node) {
	at := find(spec, "memory")
	switch {
	case at == nil:
		return
	case isNull(at):
		take(spec, "memory")
		return
	case isScalar(at):
		memory, ok := memoryOf(at.Value, at.Line)
		if !ok {
			o.drop(spec, "memory", "memory "+clip(at.Value, 40)+" is none of InMemory, File, SQLite and PostgreSQL")
			return
		}
		set(spec, "memory", o.moved(memory, at))
	case isMapping(at):
		kind := find(at, "type")
		if kind == nil {
			o.drop(spec, "memory", "it has no type; want InMemory, File, SQLite or PostgreSQL")
			return
		}
		known := memoryType(str(kind))
		if known == "" {
			o.changed(kind, "memory type %s is not known: InMemory is used", clip(str(kind), 40))
			known = "InMemory"
		}
		set(at, "type", text(known, kind.Line))
	default:
		o.drop(spec, "memory", "memory is {type, config}")
	}
}

// memoryOf reads "InMemory" and "File:path[:N]", where N bounds the messages kept.
func memoryOf(written string, line int) (*yaml.Node, bool) {
	name, rest, _ := strings.Cut(written, ":")
	known := memoryType(name)
	if known == "" || strings.HasPrefix(rest, "//") {
		return nil, false
	}
	memory := mapping(line, pair{"type", text(known, line)})
	if rest == "" {
		return memory, true
	}
	config := mapping(line)
	if at := strings.LastIndex(rest, ":"); at >= 0 {
		if n, ok := number(text(rest[at+1:], line)); ok {
			rest = rest[:at]
			set(config, "max_messages", integer(n, line))
		}
	}
	setFirst(config, "path", text(rest, line))
	set(memory, "config", config)
	return memory, true
}

func memoryType(name string) string {
	switch strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(strings.TrimSpace(name))) {
	case "inmemory", "memory", "ephemeral":
		return "InMemory"
	case "file":
		return "File"
	case "sqlite", "sqlite3":
		return "SQLite"
	case "postgresql", "postgres":
		return "PostgreSQL"
	}
	return ""
}
