// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// configure checks the configuration of a node for its kind, and that every text
// in it parses as what it is.
func (c *compiler) configure(i int32) {
	s, kind := c.config[i], c.nodes[i].Kind
	switch kind {
	case KindTransform:
		c.require(s, kind, "script")
	case KindAgent:
		c.require(s, kind, "agent", "inline", "agent_config", "fleet")
	case KindFleet:
		c.require(s, kind, "fleet", "agent")
	case KindScript:
		c.scriptConfig(i)
	case KindConditional:
		c.choose(i)
	case KindSlack, KindDiscord, KindTelegram, KindResponse, KindNotify:
		c.require(s, kind, "message", "blocks", "text", "embeds", "content")
	case KindHTTP:
		c.require(s, kind, "url")
	case KindWait:
		c.require(s, kind, "duration", "duration_seconds", "seconds", "for", "until")
	case KindJoin:
		c.join(i)
	case KindApproval:
		c.oneOf(s, "fallback", "reject", "approve", "deny")
	case KindGitHub:
		c.require(s, kind, "action")
	case KindEnd:
		c.end(i)
	case KindParallel:
		if v, ok := s.get("branches"); ok {
			if _, list := v.([]any); !list {
				c.report(s.at("branches"), ReasonInvalid, "must be a list of node ids")
			}
		}
	case KindLoop:
		c.loop(i)
	default:
	}
	c.durations(c.config[i])
	c.texts(i)
}

// require reports when none of the settings says anything.
func (c *compiler) require(s settings, kind Kind, keys ...string) {
	if s.has(keys...) {
		return
	}
	shown := keys
	if len(shown) > 4 {
		shown = shown[:3]
	}
	needs := shown[len(shown)-1]
	if len(shown) > 1 {
		needs = strings.Join(shown[:len(shown)-1], ", ") + " or " + needs
	}
	c.report(s.path, ReasonMissing, article(kind)+" needs "+needs)
}

func article(k Kind) string {
	if strings.ContainsRune("AEIOU", rune(k[0])) || k == KindHTTP {
		return "an " + string(k)
	}
	return "a " + string(k)
}

// oneOf checks a setting that is one of a few words.
func (c *compiler) oneOf(s settings, key string, words ...string) {
	v, ok := s.get(key)
	if !ok {
		return
	}
	text, isText := v.(string)
	if isText && hasReference(text) {
		return
	}
	for _, word := range words {
		if isText && strings.EqualFold(strings.TrimSpace(text), word) {
			return
		}
	}
	c.report(s.at(key), ReasonInvalid, "must be one of "+strings.Join(words, ", "))
}

// durations checks every setting that is a time.
func (c *compiler) durations(s settings) {
	for _, key := range []string{"timeout", "timeout_seconds", "timeout_minutes", "duration", "duration_seconds", "seconds"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		if text, isText := v.(string); isText && hasReference(text) {
			continue
		}
		if _, err := ParseDuration(v); err != nil {
			c.report(s.at(key), ReasonInvalid, err.Error())
		}
	}
}

// hasReference reports whether a text is decided only when the node runs.
func hasReference(s string) bool { return strings.Contains(s, "${") || strings.Contains(s, "{{") }

// scriptConfig checks a Script and moves settings that stand beside
// script_config into it, so that executors find them in one place.
func (c *compiler) scriptConfig(i int32) {
	outer := c.config[i]
	inner := settings{values: map[string]any{}, names: outer.names, path: outer.path}
	switch v := outer.values["script_config"].(type) {
	case nil:
		for _, key := range scriptKeys() {
			if value, ok := outer.values[key]; ok {
				inner.values[key] = value
				delete(outer.values, key)
			}
		}
	case map[string]any:
		inner = normalise(v, outer.at("script_config"), scriptKeys(), c.clash)
	default:
		c.report(outer.at("script_config"), ReasonInvalid, "must be a map")
		return
	}
	if inner.values["command"] == nil && inner.values["script"] != nil {
		inner.values["command"] = inner.values["script"]
		delete(inner.values, "script")
		names := maps.Clone(inner.names)
		if names == nil {
			names = map[string]string{}
		}
		names["command"] = strings.TrimPrefix(inner.at("script"), inner.path+".")
		inner.names = names
	}
	outer.values["script_config"] = inner.values
	if !inner.has("command", "tool") {
		c.report(inner.path, ReasonMissing, "a Script needs a command or a tool")
	}
	c.oneOf(inner, "parse", "text", "json", "lines", "regex")
	c.durations(inner)
	if pattern, ok := inner.text("pattern"); ok && !hasReference(pattern) {
		if _, err := regexp.Compile(pattern); err != nil {
			c.report(inner.at("pattern"), ReasonSyntax, cut(err.Error()))
		}
	}
	c.walk(inner.values, inner, i)
}

// texts parses every text in a node's configuration that the kind's own check
// has not parsed already.
func (c *compiler) texts(i int32) {
	s := c.config[i]
	switch c.nodes[i].Kind {
	case KindConditional, KindEnd:
		return
	case KindScript:
		rest := make(map[string]any, len(s.values))
		for key, v := range s.values {
			if key != "script_config" {
				rest[key] = v
			}
		}
		c.walk(rest, s, i)
	case KindAgent:
		if inline, ok := s.values["inline"].(map[string]any); ok {
			s.values["inline"] = normalise(inline, s.at("inline"), inlineKeys(), c.clash).values
		}
		c.walk(s.values, s, i)
	case KindLoop:
		rest := make(map[string]any, len(s.values))
		for key, v := range s.values {
			if key != "node" && key != "while" { // the loop's own variables are known only inside
				rest[key] = v
			}
		}
		c.walk(rest, s, i)
	case KindTransform, KindFleet, KindSlack, KindDiscord, KindTelegram, KindResponse, KindHTTP,
		KindWait, KindParallel, KindJoin, KindApproval, KindGitHub, KindNotify:
		c.walk(s.values, s, i)
	default:
	}
}

// walk parses the texts of one level of configuration.
func (c *compiler) walk(values map[string]any, s settings, i int32) {
	for _, key := range sortedKeys(values) {
		at := s.at(key)
		if text, ok := values[key].(string); ok {
			switch key {
			case "script", "command":
				if c.nodes[i].Kind == KindScript || c.nodes[i].Kind == KindTransform {
					c.script(text, at, nodeOwner(i))
					continue
				}
			case "pattern":
				if c.nodes[i].Kind == KindScript {
					continue
				}
			}
		}
		c.walkValue(values[key], at, i, 0)
	}
}

func (c *compiler) walkValue(v any, path string, i int32, depth int) {
	if depth > MaxDepth {
		c.report(path, ReasonTooLarge, errTooDeep.Error())
		return
	}
	switch t := v.(type) {
	case string:
		c.template(t, path, nodeOwner(i))
	case map[string]any:
		for _, key := range sortedKeys(t) {
			c.walkValue(t[key], path+"."+key, i, depth+1)
		}
	case []any:
		for n, e := range t {
			c.walkValue(e, path+"["+strconv.Itoa(n)+"]", i, depth+1)
		}
	}
}
