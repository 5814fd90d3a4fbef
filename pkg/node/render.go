// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// renderer fills the texts of one node's configuration. What values hold is
// never read as a template again.
type renderer struct {
	scope expr.Resolver
	left  int // bytes that the node may still render
	gate  Gate
}

func newRenderer(req Request) *renderer {
	return &renderer{scope: req.Scope, left: 2 * expr.MaxRendered, gate: req.Gate}
}

// escaped gives a renderer of which every value goes through escape on its way
// into a text. Defaults are the author's and stay as they are.
func (r *renderer) escaped(escape func(string) string) *renderer {
	scope := r.scope
	return &renderer{left: r.left, scope: expr.ResolverFunc(func(p expr.Path) (any, bool) {
		if scope == nil {
			return nil, false
		}
		v, found := scope.Resolve(p)
		if v == nil {
			return v, found
		}
		return escape(expr.Text(v)), found
	})}
}

func (r *renderer) spend(s string) error {
	if r.left -= len(s); r.left < 0 {
		return fail(ReasonTemplate, "the configuration renders to more than %d MiB", 2*expr.MaxRendered>>20)
	}
	return nil
}

// text renders a template as text.
func (r *renderer) text(src string) (string, error) {
	t, err := expr.ParseTemplate(src)
	if err != nil {
		return "", templateError(err)
	}
	s, err := t.Render(r.scope)
	if err != nil {
		return "", templateError(err)
	}
	return s, r.spend(s)
}

// value renders one text: a lone reference keeps the type of its value, but for
// values that read as text, such as an event's user.
func (r *renderer) value(src string) (any, error) {
	t, err := expr.ParseTemplate(src)
	if err != nil {
		return nil, templateError(err)
	}
	v, err := t.Value(r.scope)
	if err != nil {
		return nil, templateError(err)
	}
	switch typed := v.(type) {
	case string:
		return typed, r.spend(typed)
	case expr.Textual:
		return typed.Text, r.spend(typed.Text)
	case *expr.Textual:
		return expr.Text(v), r.spend(expr.Text(v))
	case nil, bool, int, int64, float64:
		return v, nil
	default:
		return v, r.spend(expr.Text(v))
	}
}

// deep renders every text in a value. Keys are not templates.
func (r *renderer) deep(v any) (any, error) { return everyText(v, r.value, 0) }

// everyText replaces each text in a JSON-like value by what render makes of it.
func everyText(v any, render func(string) (any, error), depth int) (any, error) {
	if depth > flow.MaxDepth {
		return nil, fail(ReasonTemplate, "the configuration nests deeper than %d levels", flow.MaxDepth)
	}
	switch t := v.(type) {
	case string:
		return render(t)
	case map[string]any:
		out := make(map[string]any, len(t))
		for _, key := range slices.Sorted(maps.Keys(t)) {
			filled, err := everyText(t[key], render, depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(t))
		for i := range t {
			filled, err := everyText(t[i], render, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	default:
		return v, nil
	}
}

// asText renders any value as one text.
func (r *renderer) asText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return r.text(s)
	}
	filled, err := r.deep(v)
	if err != nil {
		return "", err
	}
	return expr.Text(filled), nil
}

// settings is one level of configuration and how to render it.
type settings struct {
	*renderer
	values map[string]any
}

// first gives the first of the keys that has a value.
func (s settings) first(keys ...string) (any, bool) {
	for _, key := range keys {
		if v := s.values[key]; v != nil {
			return v, true
		}
	}
	return nil, false
}

// string renders the first of the keys that has a value.
func (s settings) string(keys ...string) (string, error) {
	v, ok := s.first(keys...)
	if !ok {
		return "", nil
	}
	text, err := s.asText(v)
	if err != nil {
		return "", at(keys[0], err)
	}
	return text, nil
}

// word is string without the space around it.
func (s settings) word(keys ...string) (string, error) {
	text, err := s.string(keys...)
	return strings.TrimSpace(text), err
}

// bool reads a switch.
func (s settings) bool(otherwise bool, keys ...string) (bool, error) {
	v, ok := s.first(keys...)
	if !ok {
		return otherwise, nil
	}
	filled, err := s.deep(v)
	if err != nil {
		return false, at(keys[0], err)
	}
	if text, isText := filled.(string); isText && strings.TrimSpace(text) == "" {
		return otherwise, nil
	}
	return expr.Truthy(filled), nil
}

// list renders the first of the keys as texts: a list, or one text alone.
func (s settings) list(keys ...string) ([]string, error) {
	v, ok := s.first(keys...)
	if !ok {
		return nil, nil
	}
	filled, err := s.deep(v)
	if err != nil {
		return nil, at(keys[0], err)
	}
	items, isList := filled.([]any)
	if !isList {
		items = []any{filled}
	}
	var out []string
	for _, item := range items {
		if text := strings.TrimSpace(expr.Text(item)); text != "" {
			out = append(out, text)
		}
	}
	return out, nil
}

// texts renders a map of texts, such as env or headers.
func (s settings) texts(key string) (map[string]string, error) {
	v, ok := s.first(key)
	if !ok {
		return nil, nil //nolint:nilnil // nothing configured is an empty map
	}
	values, isMap := v.(map[string]any)
	if !isMap {
		return nil, fail(ReasonInvalidConfig, "%s must be a map", key)
	}
	out := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := s.asText(values[name])
		if err != nil {
			return nil, at(key+"."+name, err)
		}
		out[name] = text
	}
	return out, nil
}

// at says which setting an error is about.
func at(key string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Reason: e.Reason, Message: bound(fmt.Sprintf("%s: %s", key, e.Message), maxMessage), Retryable: e.Retryable, Err: e.Err}
}

func templateError(err error) *Error {
	return fail(ReasonTemplate, "%v", err).because(err)
}
