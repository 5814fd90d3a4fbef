// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trace

import "strings"

// Bounds of the specification.
const (
	parentBytes  = 55 // version 00: 2 + 32 + 16 + 2 digits and three dashes
	maxStateList = 32
	maxState     = 512
	maxKey       = 256
	maxValue     = 256
)

// parse reads both fields. A state that is not valid is left out; the trace goes
// on without it, as the specification says.
func parse(parent, state string) Context {
	parent, ok := parseParent(parent)
	if !ok {
		return Context{}
	}
	if !validState(state) {
		state = ""
	}
	return Context{Parent: parent, State: state}
}

// parseParent reads a traceparent of any version as one of version 00.
func parseParent(s string) (string, bool) {
	if len(s) < parentBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", false
	}
	version, trace, span, flags := s[:2], s[3:35], s[36:52], s[53:55]
	switch {
	case !hexDigits(version) || version == "ff":
		return "", false
	case version == "00" && len(s) != parentBytes:
		return "", false
	case len(s) > parentBytes && s[parentBytes] != '-':
		return "", false
	case !hexDigits(trace) || strings.Trim(trace, "0") == "":
		return "", false
	case !hexDigits(span) || strings.Trim(span, "0") == "":
		return "", false
	case !hexDigits(flags):
		return "", false
	}
	return "00-" + trace + "-" + span + "-" + flags, true
}

func hexDigits(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// validState checks a tracestate: a list of key=value, no key twice.
func validState(s string) bool {
	if s == "" || len(s) > maxState {
		return false
	}
	members := strings.Split(s, ",")
	if len(members) > maxStateList {
		return false
	}
	seen := make(map[string]bool, len(members))
	for _, member := range members {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue // empty members are allowed
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok || seen[key] || !validKey(key) || !validValue(value) {
			return false
		}
		seen[key] = true
	}
	return len(seen) > 0
}

// validKey checks a key: simple, or tenant@system.
func validKey(key string) bool {
	if key == "" || len(key) > maxKey || strings.Count(key, "@") > 1 {
		return false
	}
	for i, c := range []byte(key) {
		letter, digit := c >= 'a' && c <= 'z', c >= '0' && c <= '9'
		switch {
		case letter || digit:
		case i > 0 && (c == '_' || c == '-' || c == '*' || c == '/' || c == '@'):
		default:
			return false
		}
	}
	return !strings.HasSuffix(key, "@")
}

// validValue checks a value: printable ASCII without "," and "=".
func validValue(value string) bool {
	if value == "" || len(value) > maxValue {
		return false
	}
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
