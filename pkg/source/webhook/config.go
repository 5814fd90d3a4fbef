// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"aof.dev/operator/pkg/source"
)

// anyValue as the value of a required header takes every value.
const anyValue = "*"

// maxName bounds names from the configuration in errors and warnings.
const maxName = 64

// config is spec.config of an HTTP Trigger, checked.
type config struct {
	methods  []string
	secret   string
	required []requiredHeader
	warnings []string
}

// requiredHeader is a header a call has to have.
type requiredHeader struct{ name, value string }

// elsewhere are keys that filters read, not we.
var elsewhere = []string{
	"patterns", "channels", "users", "allowed_users", "events", "event_types", "allowed_events",
	"required_keywords", "excluded_keywords",
}

// unused are keys of the original that mean nothing here: the address of a
// Trigger is assigned.
var unused = []string{"path", "port", "host"}

func readConfig(given map[string]any) (config, error) {
	values := make(map[string]any, len(given))
	for _, key := range slices.Backward(slices.Sorted(maps.Keys(given))) {
		values[snake(key)] = given[key]
	}
	var c config
	var err error
	if c.methods, err = readMethods(first(values, "method", "methods")); err != nil {
		return config{}, err
	}
	if c.secret, err = readSecret(values); err != nil {
		return config{}, err
	}
	if c.required, err = readHeaders(first(values, "headers", "required_headers")); err != nil {
		return config{}, err
	}
	c.warnings = warnings(values, c.secret)
	return c, nil
}

// first is the value of the first key that is there.
func first(values map[string]any, keys ...string) any {
	for _, key := range keys {
		if v, ok := values[key]; ok && v != nil {
			return v
		}
	}
	return nil
}

func readMethods(v any) ([]string, error) {
	list, ok := texts(v)
	if !ok {
		return nil, source.Fail(source.Malformed, "config.method is neither a text nor a list of texts")
	}
	if len(list) == 0 {
		return []string{http.MethodPost}, nil
	}
	methods := make([]string, 0, len(list))
	for _, m := range list {
		m = strings.ToUpper(strings.TrimSpace(m))
		switch m {
		case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		default:
			return nil, source.Fail(source.Malformed, "config.method holds something that is no method of HTTP for calls")
		}
		if !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	return methods, nil
}

// readSecret finds the shared secret under any of its names. Only a key that
// isn't there at all means that there is none.
func readSecret(values map[string]any) (string, error) {
	var found string
	for _, key := range []string{"secret", "webhook_secret", "auth_token"} {
		v, ok := values[key]
		if !ok {
			continue
		}
		s, err := secretText(key, v)
		if err != nil {
			return "", err
		}
		if found == "" {
			found = s
		}
	}
	auth, ok := values["auth"]
	if !ok {
		if err := checkScheme("auth_type", values["auth_type"]); err != nil {
			return "", err
		}
		if found == "" && values["auth_type"] != nil {
			return "", source.Fail(source.Unauthenticated, "config.auth_token is not set, but config.auth_type asks for it")
		}
		return found, nil
	}
	object, ok := auth.(map[string]any)
	if !ok {
		return "", source.Fail(source.Malformed, "config.auth is not an object")
	}
	if err := checkScheme("auth.type", object["type"]); err != nil {
		return "", err
	}
	s, err := secretText("auth.token", object["token"])
	if err != nil {
		return "", err
	}
	if found == "" {
		found = s
	}
	return found, nil
}

func secretText(key string, v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok && v != nil:
		return "", source.Fail(source.Malformed, "config."+key+" is not a text")
	case strings.TrimSpace(s) == "":
		return "", source.Fail(source.Unauthenticated, "config."+key+" is empty: leave it out to take calls from anybody")
	case strings.HasPrefix(s, "${") && strings.HasSuffix(s, "}"):
		return "", source.Fail(source.Unauthenticated, "config."+key+" is a reference to something that isn't set")
	default:
		return s, nil
	}
}

// checkScheme refuses a way of authentication we don't have, instead of leaving
// the door open.
func checkScheme(key string, v any) error {
	if v == nil {
		return nil
	}
	if s, ok := v.(string); ok && (strings.EqualFold(s, "bearer") || strings.EqualFold(s, "token")) {
		return nil
	}
	return source.Fail(source.Malformed, "config."+key+" is not Bearer, the only one there is")
}

func readHeaders(v any) ([]requiredHeader, error) {
	var required []requiredHeader
	add := func(header, value string) {
		required = append(required, requiredHeader{http.CanonicalHeaderKey(strings.TrimSpace(header)), value})
	}
	if object, ok := v.(map[string]any); ok {
		for _, header := range slices.Sorted(maps.Keys(object)) {
			value, ok := scalar(object[header])
			if !ok {
				return nil, source.Fail(source.Malformed, fmt.Sprintf("config.headers[%q] is not a text", bounded(header)))
			}
			add(header, value)
		}
		return required, nil
	}
	list, ok := texts(v)
	if !ok {
		return nil, source.Fail(source.Malformed, "config.headers is neither an object nor a list of names")
	}
	for _, header := range list {
		add(header, anyValue)
	}
	return required, nil
}

func warnings(values map[string]any, secret string) []string {
	var list []string
	if secret == "" {
		list = append(list, "config.secret is not set: anybody who knows the address can call it")
	}
	ours := []string{
		"method", "methods", "secret", "webhook_secret", "auth", "auth_type", "auth_token", "headers", "required_headers",
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(ours, key), slices.Contains(elsewhere, key):
		case slices.Contains(unused, key):
			list = append(list, "config."+key+" has no effect: the address is assigned")
		default:
			list = append(list, fmt.Sprintf("config key %q is unknown", bounded(key)))
		}
	}
	return list
}

// texts reads a text or a list of texts; nothing is an empty list.
func texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []string:
		return v, true
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	default:
		return nil, false
	}
}

// scalar reads the value of a header, which YAML may have made a number.
func scalar(v any) (string, bool) {
	switch v.(type) {
	case string, bool, int, int64, float64:
		return fmt.Sprint(v), true
	default:
		return "", false
	}
}

// snake turns camelCase into snake_case; keys are taken in both spellings.
func snake(key string) string {
	var b strings.Builder
	for i, r := range key {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func bounded(s string) string {
	if len(s) <= maxName {
		return s
	}
	return strings.ToValidUTF8(s[:maxName], "")
}
