// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strings"
)

// settings is one level of a node's configuration under canonical keys, which
// still knows how the user spelled them.
type settings struct {
	values map[string]any
	names  map[string]string // canonical key to the user's key, where they differ
	path   string            // the user's path to this level
}

// get returns a value; a null counts as absent.
func (s settings) get(key string) (any, bool) {
	v := s.values[key]
	return v, v != nil
}

// text returns a value when it is a string.
func (s settings) text(key string) (string, bool) {
	v, ok := s.values[key].(string)
	return v, ok
}

// has reports whether one of the keys has something to say: not null, not an
// empty text, not an empty list or map.
func (s settings) has(keys ...string) bool {
	for _, key := range keys {
		switch v := s.values[key].(type) {
		case nil:
		case string:
			if strings.TrimSpace(v) != "" {
				return true
			}
		case []any:
			if len(v) > 0 {
				return true
			}
		case map[string]any:
			if len(v) > 0 {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// at gives the user's path to a key.
func (s settings) at(key string) string {
	if name, ok := s.names[key]; ok {
		key = name
	}
	return s.path + "." + key
}

// normalise copies a level with the known keys in snake_case. It calls clash
// when two spellings of one key stand side by side.
func normalise(values map[string]any, path string, known []string, clash func(path, message string)) settings {
	s := settings{values: make(map[string]any, len(values)), path: path}
	for _, name := range sortedKeys(values) {
		key := name
		for _, k := range known {
			if sameKey(k, name) {
				key = k
				break
			}
		}
		if _, twice := s.values[key]; twice {
			clash(path+"."+name, fmt.Sprintf("%s and %s are the same setting: keep one", quote(s.at(key)[len(path)+1:]), quote(name)))
			continue
		}
		if key != name {
			if s.names == nil {
				s.names = map[string]string{}
			}
			s.names[key] = name
		}
		s.values[key] = values[name]
	}
	return s
}

// sameKey reports whether two keys differ in nothing but case, underscores and
// hyphens, as scriptConfig, script_config and script-config do.
func sameKey(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && (a[i] == '_' || a[i] == '-') {
			i++
		}
		for j < len(b) && (b[j] == '_' || b[j] == '-') {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i++
		j++
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// scriptKeys are the settings of a script, under script_config or beside it.
func scriptKeys() []string {
	return []string{
		"command", "script", "tool", "action", "args", "working_dir", "env", "timeout_seconds",
		"parse", "pattern", "fail_on_error",
	}
}

// inlineKeys are the settings of an agent defined in place.
func inlineKeys() []string {
	return []string{
		"name", "model", "instructions", "system_prompt", "tools", "mcp_servers", "temperature", "max_tokens",
	}
}

// knownKeys lists the settings of a kind whose spelling is normalised. Others
// stay as they are: an executor may know them.
func knownKeys(k Kind) []string {
	keys := []string{"timeout", "timeout_seconds"}
	add := func(more ...string) []string { return append(keys, more...) }
	switch k {
	case KindTransform:
		return add("script", "working_dir", "env")
	case KindAgent, KindFleet:
		return add("agent", "fleet", "inline", "agent_config", "input", "context", "tools", "mcp_servers", "model", "max_tokens", "temperature")
	case KindScript:
		return append(add("script_config"), scriptKeys()...)
	case KindConditional:
		return add("condition", "conditions", "expression", "cases", "routes", "true_target", "false_target", "default", "default_target")
	case KindSlack, KindDiscord, KindTelegram, KindResponse, KindNotify:
		return add("channel", "channel_id", "chat_id", "message", "text", "blocks", "thread_ts", "wait_for_reaction",
			"reactions", "typing", "parse_mode", "format", "platform")
	case KindHTTP:
		return add("url", "method", "headers", "body")
	case KindWait:
		return add("duration", "duration_seconds", "seconds", "for", "until")
	case KindParallel:
		return add("branches")
	case KindJoin:
		return add("strategy")
	case KindApproval:
		return add("approvers", "message", "timeout_minutes", "fallback", "notification_channel", "min_approvers", "allow_self_approval")
	case KindGitHub:
		return add("action", "repository", "issue_number", "body", "sha", "state", "context", "description")
	case KindEnd:
		return add("output", "message")
	case KindLoop:
		return add("for_each", "items", "while", "as", "max_iterations", "node")
	default:
		return keys
	}
}
