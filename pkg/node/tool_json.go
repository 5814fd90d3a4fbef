// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// json reads, walks into or merges JSON values, all within this process.
func (a toolArgs) json(action string) (map[string]any, error) {
	switch action {
	case "parse":
		v, err := a.document("input", "data", "json", "content", "text")
		return toolOutput(v), err
	case "extract":
		v, err := a.document("input", "data", "json", "content", "text")
		if err != nil {
			return nil, err
		}
		path, err := a.path()
		if err != nil {
			return nil, err
		}
		found, ok := expr.Get(v, path)
		if !ok {
			return nil, fail(ReasonParse, "the input has no %s", quote(path.String()))
		}
		return toolOutput(found), nil
	case "merge":
		return a.merge()
	default:
		return nil, noAction("json", action, "parse", "extract", "merge")
	}
}

// document renders an argument; a text is read as JSON.
func (a toolArgs) document(keys ...string) (any, error) {
	v, ok := a.first(keys...)
	if !ok {
		return nil, fail(ReasonInvalidConfig, "args: %s is needed", keys[0])
	}
	filled, err := a.deep(v)
	if err != nil {
		return nil, at(keys[0], err)
	}
	return asDocument(filled)
}

func asDocument(v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return v, nil
	}
	parsed, err := parseJSON(text)
	if err != nil {
		return nil, fail(ReasonParse, "the input is not JSON")
	}
	return parsed, nil
}

// path reads where to look: a.b[0].c, with or without $. or . before it, or a
// JSON pointer.
func (a toolArgs) path() (expr.Path, error) {
	text, err := a.word("path", "query", "key")
	if err != nil {
		return nil, err
	}
	if pointer, ok := strings.CutPrefix(text, "/"); ok {
		steps := strings.Split(pointer, "/")
		for i := range steps {
			steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[i])
		}
		return steps, nil
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "$"), ".")
	if text == "" {
		return nil, nil
	}
	if digits := strings.Trim(text, "0123456789"); digits == "" {
		return expr.Path{text}, nil
	}
	if strings.HasPrefix(text, "[") {
		path, err := expr.ParsePath("x" + text)
		if err != nil {
			return nil, fail(ReasonInvalidConfig, "args.path: is not a path")
		}
		return path[1:], nil
	}
	path, err := expr.ParsePath(text)
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "args.path: is not a path")
	}
	return path, nil
}

// merge puts objects over each other, the later over the earlier.
func (a toolArgs) merge() (map[string]any, error) {
	var documents []any
	if v, ok := a.first("objects", "inputs", "items", "sources"); ok {
		filled, err := a.deep(v)
		if err != nil {
			return nil, at("objects", err)
		}
		list, isList := filled.([]any)
		if !isList {
			return nil, fail(ReasonInvalidConfig, "args.objects: must be a list")
		}
		documents = list
	} else {
		for _, keys := range [][]string{{"base", "a", "left", "target"}, {"overlay", "b", "right", "source"}} {
			v, err := a.document(keys...)
			if err != nil {
				return nil, err
			}
			documents = append(documents, v)
		}
	}
	out := map[string]any{}
	for _, document := range documents {
		v, err := asDocument(document)
		if err != nil {
			return nil, err
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fail(ReasonParse, "only objects can be merged")
		}
		out = overlay(out, object, 0)
	}
	return toolOutput(out), nil
}

// overlay merges two objects into a new one.
func overlay(base, over map[string]any, depth int) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for key, v := range base {
		out[key] = v
	}
	for key, v := range over {
		below, bothMaps := out[key].(map[string]any)
		above, ok := v.(map[string]any)
		if bothMaps && ok && depth < flow.MaxDepth {
			v = overlay(below, above, depth+1)
		}
		out[key] = v
	}
	return out
}
