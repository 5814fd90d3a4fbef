// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// Value gives a tree as JSON-like data: map[string]any, []any, string, bool,
// json.Number and nil. Numbers keep the digits they were written with, so long
// identifiers survive. The tree must come from a Document.
func Value(node *yaml.Node) any {
	switch {
	case node == nil:
		return nil
	case node.Kind == yaml.MappingNode:
		m := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			m[node.Content[i].Value] = Value(node.Content[i+1])
		}
		return m
	case node.Kind == yaml.SequenceNode:
		s := make([]any, 0, len(node.Content))
		for _, child := range node.Content {
			s = append(s, Value(child))
		}
		return s
	}
	v, err := scalarValue(node)
	if err != nil {
		// Reported when the document was read; text is what is left of it.
		return node.Value
	}
	return v
}

func scalarValue(node *yaml.Node) (any, error) {
	switch tag := node.ShortTag(); tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if err := node.Decode(&b); err != nil {
			return nil, fmt.Errorf("not a boolean: %s", clip(node.Value, 40))
		}
		return b, nil
	case "!!int", "!!float":
		return numberValue(node)
	case "!!str", "!!timestamp", "!!merge":
		return node.Value, nil
	default:
		return nil, fmt.Errorf("YAML tag %s is not supported", clip(tag, 40))
	}
}

func numberValue(node *yaml.Node) (any, error) {
	if jsonNumber.MatchString(node.Value) {
		return json.Number(node.Value), nil
	}
	var i int64
	if node.Decode(&i) == nil {
		return json.Number(strconv.FormatInt(i, 10)), nil
	}
	var f float64
	if err := node.Decode(&f); err != nil {
		return nil, fmt.Errorf("not a number: %s", clip(node.Value, 40))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("a number must be finite")
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("not a number: %s", clip(node.Value, 40))
	}
	return json.Number(text), nil
}
