// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

const (
	// maxDepth bounds nesting: no kind needs a tenth of it.
	maxDepth = 200
	// maxNodes bounds a document after its aliases are written out.
	maxNodes = 1_000_000
	// maxWrong bounds how many faults of one document are listed.
	maxWrong = 100
)

// fault is something wrong with a tree, before it is known whose tree it is.
type fault struct {
	line    int
	path    string
	message string
}

// flattener copies a tree with aliases and merge keys written out.
type flattener struct {
	nodes    int
	open     map[*yaml.Node]bool // anchors being written out: meeting one again is a cycle
	faults   []fault
	overflow bool
}

// flatten gives a plain copy of a tree (see Document), or what is wrong with it.
func flatten(root *yaml.Node) (*yaml.Node, []fault) {
	f := &flattener{open: map[*yaml.Node]bool{}}
	plain := f.node(root, "", 0)
	return plain, f.faults
}

func (f *flattener) wrong(node *yaml.Node, path, format string, args ...any) {
	if len(f.faults) < maxWrong {
		f.faults = append(f.faults, fault{line: node.Line, path: clip(path, 300), message: fmt.Sprintf(format, args...)})
	}
}

func (f *flattener) node(node *yaml.Node, path string, depth int) *yaml.Node {
	f.nodes++
	if f.overflow || f.nodes > maxNodes || depth > maxDepth {
		if !f.overflow {
			f.overflow = true
			f.wrong(node, path, "too large: more than %d values or %d levels once its aliases are written out", maxNodes, maxDepth)
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: node.Line}
	}
	switch node.Kind {
	case yaml.AliasNode:
		return f.alias(node, path, depth)
	case yaml.MappingNode:
		return f.mapping(node, path, depth)
	case yaml.SequenceNode:
		plain := bare(node)
		for i, child := range node.Content {
			plain.Content = append(plain.Content, f.node(child, path+"["+strconv.Itoa(i)+"]", depth+1))
		}
		return plain
	default:
		return f.scalar(node, path)
	}
}

func (f *flattener) alias(node *yaml.Node, path string, depth int) *yaml.Node {
	if node.Alias == nil || f.open[node.Alias] {
		f.wrong(node, path, "alias *%s refers to itself", clip(node.Value, 60))
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: node.Line}
	}
	f.open[node.Alias] = true
	defer delete(f.open, node.Alias)
	return f.node(node.Alias, path, depth+1)
}

func (f *flattener) scalar(node *yaml.Node, path string) *yaml.Node {
	plain := *node
	plain.Anchor, plain.Content = "", nil
	if _, err := scalarValue(&plain); err != nil {
		f.wrong(node, path, "%v", err)
	}
	return &plain
}

// bare copies what a node has besides its content: its place and its comments.
func bare(node *yaml.Node) *yaml.Node {
	tag := "!!map"
	if node.Kind == yaml.SequenceNode {
		tag = "!!seq"
	}
	return &yaml.Node{
		Kind: node.Kind, Tag: tag, Style: node.Style, Line: node.Line, Column: node.Column,
		HeadComment: node.HeadComment, LineComment: node.LineComment, FootComment: node.FootComment,
	}
}

// mapping copies a mapping, refuses a key written twice and fills in merge keys.
func (f *flattener) mapping(node *yaml.Node, path string, depth int) *yaml.Node {
	plain := bare(node)
	first := make(map[string]int, len(node.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(node.Content) && !f.overflow; i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			f.wrong(key, path, "a key must be plain text, not a list or a mapping")
			continue
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		at := node.Content[i].Line
		where := joinPath(path, key.Value)
		if line, twice := first[key.Value]; twice {
			f.wrong(node.Content[i], where, "key %q is written twice: on line %d and on line %d", clip(key.Value, 80), line, at)
			continue
		}
		first[key.Value] = at
		name := bare(node.Content[i])
		name.Kind, name.Tag, name.Value, name.Style = yaml.ScalarNode, "!!str", key.Value, key.Style
		plain.Content = append(plain.Content, name, f.node(value, where, depth+1))
	}
	for _, from := range merges {
		f.merge(plain, from, first, path, depth)
	}
	return plain
}

// merge adds the keys of a merge key's value ("<<: *base", or a list of such)
// that the mapping does not write itself.
func (f *flattener) merge(into, from *yaml.Node, present map[string]int, path string, depth int) {
	source := f.node(from, path, depth+1)
	parts := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		parts = source.Content
	}
	for _, part := range parts {
		if part.Kind != yaml.MappingNode {
			f.wrong(from, path, "a merge key (<<) takes a mapping or a list of mappings")
			return
		}
		for i := 0; i+1 < len(part.Content); i += 2 {
			key := part.Content[i]
			if _, ok := present[key.Value]; ok {
				continue
			}
			present[key.Value] = key.Line
			into.Content = append(into.Content, key, part.Content[i+1])
		}
	}
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
