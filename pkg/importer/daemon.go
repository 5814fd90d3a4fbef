// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// daemon turns a DaemonConfig into the Triggers its platforms stand for. Where
// the input has Triggers for a platform, those get the credentials instead: two
// Triggers for one platform would answer everything twice.
func (o *object) daemon() {
	platforms := o.section(o.spec, "platforms")
	o.spec = without(o.spec, "platforms")
	runtime := o.section(o.spec, "runtime")
	fallback := take(runtime, "default_agent")
	used := false
	keys(platforms, func(key, value *yaml.Node) {
		if o.daemonPlatform(key, value, fallback) {
			used = true
		}
	})
	if !used {
		o.dropped(fallback, "name the default agent on the Triggers, as default_agent, and import again")
	}
	for _, set := range []string{"agents", "fleets", "flows", "triggers", "contexts", "bindings"} {
		o.drop(o.spec, set, "give these files to aof import as well: -f takes directories")
	}
	o.leftovers(o.spec, "a setting of upstream's daemon; here it belongs to the installation, not to an object")
	o.kind = "" // nothing is written under its own name
}

func without(node *yaml.Node, key string) *yaml.Node {
	take(node, key)
	return node
}

// daemonPlatform serves one platform; it tells whether the fallback agent was used.
func (o *object) daemonPlatform(key, value, fallback *yaml.Node) bool {
	kind := platformOf(key.Value)
	if kind == "" {
		o.dropped(value, "platform %s is not known", clip(key.Value, 40))
		return false
	}
	if !isMapping(value) {
		o.dropped(value, "a platform has fields")
		return false
	}
	enabled := take(value, "enabled")
	o.environment(value)
	if filled := o.fillTriggers(kind, value); len(filled) > 0 {
		if enabled != nil && !truth(enabled) {
			o.dropped(enabled, "the Triggers of that type say themselves whether they are enabled")
		}
		return o.fallbackFor(fallback, filled...)
	}
	g := o.generate("Trigger", objectName(key.Value), key.Line)
	set(g.spec, "type", text(kind, key.Line))
	set(g.spec, "config", value)
	if enabled != nil {
		set(g.spec, "enabled", enabled)
	}
	o.changed(key, "Trigger %s is written for it: say there which channels and users it serves", g.name)
	return o.fallbackFor(fallback, g)
}

// fallbackFor binds the daemon's default agent to the Triggers that have none.
func (o *object) fallbackFor(fallback *yaml.Node, triggers ...*object) bool {
	if !isScalar(fallback) {
		return false
	}
	for _, t := range triggers {
		if !t.has.fallback {
			t.route(mapping(fallback.Line, pair{"agent", clone(fallback)}), fallback.Line,
				objectName(t.name+"-default"), t.otherwise(t.has.commands, fallback.Line))
		}
	}
	return true
}

// environment turns X_env: NAME into X: ${NAME}.
func (o *object) environment(config *yaml.Node) {
	keys(config, func(key, value *yaml.Node) {
		name, isEnv := strings.CutSuffix(key.Value, "_env")
		if !isEnv || !isText(value) || value.Value == "" {
			return
		}
		if find(config, name) != nil {
			o.drop(config, key.Value, name+" is written as well and wins")
			return
		}
		key.Value = name
		value.Value = "${" + value.Value + "}"
		value.Style, value.Tag = 0, "!!str"
	})
}

// fillTriggers gives the Triggers of a platform what they do not say themselves.
func (o *object) fillTriggers(kind string, config *yaml.Node) []*object {
	var filled []*object
	for _, t := range o.in.objects {
		if t.kind != "Trigger" || t.refused || len(t.parents) > 0 || str(find(t.spec, "type")) != kind {
			continue
		}
		filled = append(filled, t)
		into := t.ensure(t.spec, "config", t.line)
		keys(config, func(key, value *yaml.Node) {
			if find(into, key.Value) == nil {
				set(into, key.Value, clone(value))
				return
			}
			if str(find(into, key.Value)) != str(value) {
				o.dropped(value, "Trigger %s says otherwise and wins", t.name)
			}
		})
	}
	if len(filled) > 0 {
		o.changed(nil, "the settings for %s were added to the Triggers of that type", kind)
	}
	return filled
}
