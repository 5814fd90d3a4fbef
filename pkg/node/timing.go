// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"time"

	"aof.dev/operator/pkg/flow"
)

// duration renders the first of the keys that has a value and reads it as a
// time; seconds when it is a bare number. Zero means that none says anything.
func (s settings) duration(keys ...string) (time.Duration, error) {
	for _, key := range keys {
		v := s.values[key]
		if v == nil {
			continue
		}
		filled, err := s.deep(v)
		if err != nil {
			return 0, at(key, err)
		}
		if filled == nil || filled == "" {
			continue
		}
		d, err := flow.ParseDuration(filled)
		if err != nil {
			return 0, fail(ReasonInvalidConfig, "%s: %v", key, err)
		}
		return d, nil
	}
	return 0, nil
}

// timeout is the time that the node gives itself, in any of the ways to say it.
func (s settings) timeout(otherwise time.Duration) (time.Duration, error) {
	d, err := s.duration("timeout", "timeout_seconds")
	if err == nil && d == 0 {
		if d, err = s.duration("timeout_minutes"); err == nil {
			// A bare number counts minutes here; a text with a unit says so itself.
			if v, err := s.deep(s.values["timeout_minutes"]); err == nil && isNumber(v) {
				d = min(d, maxMinutes) * 60
			}
		}
	}
	if d == 0 {
		d = otherwise
	}
	return d, err
}

// maxMinutes keeps the product of minutes within what a duration holds.
const maxMinutes = 100 * 365 * 24 * time.Hour / 60

func isNumber(v any) bool {
	s, isText := v.(string)
	if !isText {
		return v != nil
	}
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != ' ' {
			return false
		}
	}
	return s != ""
}

// policyTimeout is what the node's policy says, else otherwise.
func policyTimeout(n flow.Node, otherwise time.Duration) time.Duration {
	if n.Policy == nil || n.Policy.TimeoutSeconds <= 0 {
		return otherwise
	}
	d, err := flow.ParseDuration(n.Policy.TimeoutSeconds)
	if err != nil {
		return otherwise
	}
	return d
}
