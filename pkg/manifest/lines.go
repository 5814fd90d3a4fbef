// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineOf follows path as far as the tree goes and gives the line it got to.
func lineOf(root *yaml.Node, line int, path string) int {
	node := root
	for rest := path; node != nil && rest != ""; {
		rest = strings.TrimPrefix(rest, ".")
		key, value, length := step(node, rest)
		if value == nil {
			break
		}
		if line = value.Line; key != nil {
			// A key's own line: its value may begin on the next.
			line = key.Line
		}
		node, rest = value, rest[length:]
	}
	return max(line, 1)
}

// step finds the child the path begins with and how much of the path it is.
// Keys may hold dots, so the longest key that fits wins; a key in the other
// spelling (camelCase for snake_case) is found as well.
func step(node *yaml.Node, path string) (key, value *yaml.Node, length int) {
	if strings.HasPrefix(path, "[") {
		inside, _, closed := strings.Cut(path[1:], "]")
		if !closed {
			return nil, nil, 0
		}
		if node.Kind == yaml.SequenceNode {
			index, err := strconv.Atoi(inside)
			if err != nil || index < 0 || index >= len(node.Content) {
				return nil, nil, 0
			}
			return nil, node.Content[index], len(inside) + 2
		}
		key, value, _ := step(node, inside)
		return key, value, len(inside) + 2
	}
	if node.Kind != yaml.MappingNode {
		return nil, nil, 0
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i].Value
		if n := len(name); n > length && strings.HasPrefix(path, name) && endsStep(path[n:]) {
			key, value, length = node.Content[i], node.Content[i+1], n
		}
	}
	if value != nil {
		return key, value, length
	}
	first := path
	if end := strings.IndexAny(path, ".["); end >= 0 {
		first = path[:end]
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if foldName(node.Content[i].Value) == foldName(first) {
			return node.Content[i], node.Content[i+1], len(first)
		}
	}
	return nil, nil, 0
}

func endsStep(rest string) bool { return rest == "" || rest[0] == '.' || rest[0] == '[' }

// foldName makes the snake_case and camelCase spellings of a name equal.
func foldName(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}
