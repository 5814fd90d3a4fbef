// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object is one object of the input on its way.
type object struct {
	in   *intake
	file string
	line int
	// wrote is the kind the input calls it, kind the one it becomes.
	wrote, kind string
	// title is the name the input gives it, name the one it gets.
	title, name, namespace string
	root                   *yaml.Node
	spec                   *yaml.Node
	paths                  map[*yaml.Node]string
	refused                bool
	// parents are the objects this one was generated for; it is written when
	// one of them is.
	parents []*object
	// has tells of a Trigger which commands it had and whether anything else it
	// says goes to a default.
	has struct {
		commands []command
		fallback bool
	}
}

// note records something about a place in the object; a nil place is the object.
func (o *object) note(at *yaml.Node, level Level, format string, args ...any) {
	n := Note{File: o.file, Line: o.line, Object: o.wrote, Level: level, Message: oneLine(fmt.Sprintf(format, args...))}
	if o.title != "" {
		n.Object += "/" + o.title
	}
	if at != nil {
		n.Line, n.Field = at.Line, o.paths[at]
	}
	o.in.notes = append(o.in.notes, n)
}

// refuse gives the whole object up.
func (o *object) refuse(at *yaml.Node, format string, args ...any) {
	o.refused = true
	o.note(at, Refused, format, args...)
}

// changed and dropped are the two notes that let the object pass.
func (o *object) changed(at *yaml.Node, format string, args ...any) {
	o.note(at, Changed, format, args...)
}

func (o *object) dropped(at *yaml.Node, format string, args ...any) {
	if at != nil {
		o.note(at, Dropped, format, args...)
	}
}

// drop takes a key out, if it is written, and says why.
func (o *object) drop(node *yaml.Node, key, why string) {
	if value := take(node, key); value != nil {
		o.dropped(value, "%s", why)
	}
}

// leftovers reports every key still in a mapping that is about to be replaced.
func (o *object) leftovers(node *yaml.Node, why string) {
	keys(node, func(_, value *yaml.Node) { o.dropped(value, "%s", why) })
}

// index remembers where every node stood, before anything is moved.
func (o *object) index() {
	o.paths = map[*yaml.Node]string{}
	walkPaths(o.root, "", func(node *yaml.Node, path string) { o.paths[node] = clip(path, 300) })
}

// moved gives a node the place in the input of another, for later notes.
func (o *object) moved(node, from *yaml.Node) *yaml.Node {
	o.paths[node] = o.paths[from]
	return node
}

// alias gives a field its name here; where both are written the second is
// reported and dropped.
func (o *object) alias(node *yaml.Node, to string, from ...string) {
	for _, name := range from {
		at := indexOf(node, name)
		if at < 0 || node.Content[at].Value == to {
			continue
		}
		if other := indexOf(node, to); other >= 0 && other != at {
			o.drop(node, node.Content[at].Value, node.Content[other].Value+" is written as well and wins")
			continue
		}
		node.Content[at].Value = to
	}
}

// section gives the mapping under a key; where something else is written there
// it is reported and taken out. Nil when the key is not written.
func (o *object) section(node *yaml.Node, key string) *yaml.Node {
	value := find(node, key)
	if value == nil || isMapping(value) {
		return value
	}
	if isNull(value) {
		take(node, key)
		return nil
	}
	o.drop(node, key, "keys and values are wanted here")
	return nil
}

// ensure gives the mapping under a key, made when it is not there.
func (o *object) ensure(node *yaml.Node, key string, line int) *yaml.Node {
	if value := o.section(node, key); value != nil {
		return value
	}
	value := mapping(line)
	set(node, key, value)
	return value
}

const maxMessage = 400

func oneLine(s string) string { return clip(strings.Join(strings.Fields(s), " "), maxMessage) }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
