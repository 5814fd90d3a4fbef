// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/manifest"
)

// Trees are changed in place: what nobody touches stays, and what is taken out
// is either used or reported. Every node keeps the line it was read from; nodes
// made here get the line of what they stand for.

func child(node *yaml.Node, key string) *yaml.Node { return manifest.Child(node, key) }

// take removes a key from a mapping and gives its value, or nil. Of several
// names the first that is written wins; the others stay where they are.
func take(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if at := indexOf(node, name); at >= 0 {
			value := node.Content[at+1]
			node.Content = append(node.Content[:at:at], node.Content[at+2:]...)
			return value
		}
	}
	return nil
}

// find gives the value of the first of several names that is written.
func find(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if at := indexOf(node, name); at >= 0 {
			return node.Content[at+1]
		}
	}
	return nil
}

// indexOf finds a key, exactly or in the other spelling (camelCase for snake_case).
func indexOf(node *yaml.Node, name string) int {
	if !isMapping(node) {
		return -1
	}
	folded := -1
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return i
		}
		if folded < 0 && fold(node.Content[i].Value) == fold(name) {
			folded = i
		}
	}
	return folded
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// set writes a key, in place of its old value when there is one.
func set(node *yaml.Node, key string, value *yaml.Node) {
	if at := indexOf(node, key); at >= 0 {
		node.Content[at].Value, node.Content[at+1] = key, value
		return
	}
	node.Content = append(node.Content, text(key, value.Line), value)
}

// setFirst writes a key before all others.
func setFirst(node *yaml.Node, key string, value *yaml.Node) {
	take(node, key)
	node.Content = append([]*yaml.Node{text(key, value.Line), value}, node.Content...)
}

// rename gives a key another name where that is free; otherwise it is left.
func rename(node *yaml.Node, from, to string) {
	at := indexOf(node, from)
	if at < 0 || indexOf(node, to) >= 0 && fold(from) != fold(to) {
		return
	}
	node.Content[at].Value = to
}

// keys calls do for every key of a mapping; do may change the mapping.
func keys(node *yaml.Node, do func(key, value *yaml.Node)) {
	if !isMapping(node) {
		return
	}
	for pairs := append([]*yaml.Node(nil), node.Content...); len(pairs) > 1; pairs = pairs[2:] {
		do(pairs[0], pairs[1])
	}
}

// items gives the items of a list; nil for anything else.
func items(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

func isMapping(node *yaml.Node) bool  { return node != nil && node.Kind == yaml.MappingNode }
func isSequence(node *yaml.Node) bool { return node != nil && node.Kind == yaml.SequenceNode }
func isScalar(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && !isNull(node)
}

func isNull(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func isText(node *yaml.Node) bool {
	if !isScalar(node) {
		return false
	}
	_, ok := manifest.Value(node).(string)
	return ok
}

func isEmpty(node *yaml.Node) bool {
	return node == nil || isNull(node) || node.Kind != yaml.ScalarNode && len(node.Content) == 0
}

// str gives the text of a scalar; "" for anything else.
func str(node *yaml.Node) string {
	if !isScalar(node) {
		return ""
	}
	return node.Value
}

// number gives the whole number a scalar holds.
func number(node *yaml.Node) (int, bool) {
	if !isScalar(node) {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(node.Value))
	return n, err == nil
}

func truth(node *yaml.Node) bool {
	return isScalar(node) && strings.EqualFold(node.Value, "true")
}

func text(s string, line int) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Line: line}
	if strings.Contains(s, "\n") {
		node.Style = yaml.LiteralStyle
	}
	return node
}

func integer(n, line int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(n), Line: line}
}

func boolean(b bool, line int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(b), Line: line}
}

func list(line int, content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: line, Content: content}
}

// pair is one key of a mapping to be made.
type pair struct {
	key   string
	value *yaml.Node
}

func mapping(line int, pairs ...pair) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	for _, p := range pairs {
		if p.value != nil {
			node.Content = append(node.Content, text(p.key, line), p.value)
		}
	}
	return node
}

// clone copies a tree.
func clone(node *yaml.Node) *yaml.Node {
	if node == nil {
		return nil
	}
	c := *node
	c.Content = make([]*yaml.Node, len(node.Content))
	for i, n := range node.Content {
		c.Content[i] = clone(n)
	}
	return &c
}

// asText turns a number or boolean into the same characters as text.
func asText(node *yaml.Node) {
	if isScalar(node) && !isText(node) {
		node.Tag, node.Style = "!!str", yaml.DoubleQuotedStyle
	}
}

// walkPaths calls do for every node with its path, as messages show it.
func walkPaths(node *yaml.Node, path string, do func(*yaml.Node, string)) {
	do(node, path)
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			at := node.Content[i].Value
			if path != "" {
				at = path + "." + at
			}
			do(node.Content[i], at)
			walkPaths(node.Content[i+1], at, do)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			walkPaths(item, fmt.Sprintf("%s[%d]", path, i), do)
		}
	default:
	}
}
