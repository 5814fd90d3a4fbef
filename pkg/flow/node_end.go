// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strconv"

	"aof.dev/operator/pkg/expr"
)

// shape is configuration with its templates compiled: a text, a list, a map or a
// plain value.
type shape struct {
	text   *expr.Template
	fields map[string]*shape
	items  []*shape
	value  any
}

// finish compiles the output of an End: output, else message.
func (c *compiler) end(i int32) {
	for _, key := range []string{"output", "message"} {
		if v, ok := c.config[i].get(key); ok {
			c.parts[i].output = c.shape(v, c.config[i].at(key), i, 0)
			return
		}
	}
}

func (c *compiler) shape(v any, path string, i int32, depth int) *shape {
	if depth > MaxDepth {
		c.report(path, ReasonTooLarge, errTooDeep.Error())
		return nil
	}
	switch t := v.(type) {
	case string:
		return &shape{text: c.template(t, path, nodeOwner(i))}
	case map[string]any:
		s := &shape{fields: make(map[string]*shape, len(t))}
		for _, key := range sortedKeys(t) {
			s.fields[key] = c.shape(t[key], path+"."+key, i, depth+1)
		}
		return s
	case []any:
		s := &shape{items: make([]*shape, len(t))}
		for n := range t {
			s.items[n] = c.shape(t[n], path+"["+strconv.Itoa(n)+"]", i, depth+1)
		}
		return s
	default:
		return &shape{value: v}
	}
}

// text renders the output of an End as a whole: a text stays a text, whatever it
// refers to.
func (s *shape) evaluate(r expr.Resolver) (any, error) {
	if s == nil {
		return nil, nil //nolint:nilnil // an End without output has none
	}
	if s.text != nil {
		text, err := s.text.Render(r)
		if err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		return text, nil
	}
	return s.fill(r)
}

// fill evaluates a part of a structured output: a lone reference keeps its type.
func (s *shape) fill(r expr.Resolver) (any, error) {
	switch {
	case s.text != nil:
		v, err := s.text.Value(r)
		if err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		return v, nil
	case s.fields != nil:
		out := make(map[string]any, len(s.fields))
		for key, field := range s.fields {
			v, err := field.fill(r)
			if err != nil {
				return nil, err
			}
			out[key] = v
		}
		return out, nil
	case s.items != nil:
		out := make([]any, len(s.items))
		for n, item := range s.items {
			v, err := item.fill(r)
			if err != nil {
				return nil, err
			}
			out[n] = v
		}
		return out, nil
	default:
		return s.value, nil
	}
}
