// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"errors"
	"reflect"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/manifest"
)

// finish compares every object with its type, takes out and reports what the
// type does not know, refuses what is not valid, and writes the rest.
func (in *intake) finish() []Out {
	var outs []Out
	written := map[string]Out{}
	for _, o := range in.inOrder() {
		if o.kind == "" || o.refused || !o.wanted() {
			continue
		}
		out, ok := o.write()
		if !ok {
			o.refused = true
			continue
		}
		key := objectKey(out.Kind, out.Namespace, out.Name)
		if first, twice := written[key]; twice {
			if !bytes.Equal(first.YAML, out.YAML) {
				o.refuse(nil, "%s/%s is already defined, differently, at %s:%d", out.Kind, out.Name, first.File, first.Line)
			} else {
				o.changed(nil, "the same as at %s:%d: written once", first.File, first.Line)
			}
			continue
		}
		written[key] = out
		outs = append(outs, out)
	}
	return outs
}

// inOrder gives the objects of the input, each followed by what was generated
// for it.
func (in *intake) inOrder() []*object {
	after := map[*object][]*object{}
	for _, o := range in.objects {
		if len(o.parents) > 0 {
			after[o.parents[0]] = append(after[o.parents[0]], o)
		}
	}
	var ordered []*object
	var add func(o *object)
	add = func(o *object) {
		ordered = append(ordered, o)
		for _, child := range after[o] {
			add(child)
		}
	}
	for _, o := range in.objects {
		if len(o.parents) == 0 {
			add(o)
		}
	}
	return ordered
}

// wanted tells whether anything an object was generated for is still there.
func (o *object) wanted() bool {
	if len(o.parents) == 0 {
		return true
	}
	for _, parent := range o.parents {
		if !parent.refused {
			return true
		}
	}
	return false
}

func (o *object) write() (Out, bool) {
	doc := &manifest.Document{File: o.file, Line: o.line, Root: o.root}
	for _, p := range manifest.Prune(doc) {
		if path := o.paths[p.Node]; path != "" {
			p.Problem.Field = path // where the input has it
		}
		o.foreign(p.Problem, Dropped)
	}
	valid := true
	objects, problems := manifest.Decode(doc)
	problems = append(problems, manifest.Errors(manifest.Validate(objects))...)
	for _, p := range manifest.Errors(problems) {
		o.foreign(p, Refused)
		valid = false
	}
	if !valid || len(objects) != 1 {
		return Out{}, false
	}
	data, err := emit(o.root)
	if err == nil && !readsAs(data, o.root) {
		// Comments in odd places can break what the encoder writes.
		stripComments(o.root)
		data, err = emit(o.root)
	}
	if err == nil && !readsAs(data, o.root) {
		err = errors.New("it cannot be written as YAML that reads the same")
	}
	if err != nil {
		o.refuse(nil, "%v", err)
		return Out{}, false
	}
	return Out{Kind: o.kind, Namespace: o.namespace, Name: o.name, YAML: data, File: o.file, Line: o.line}, true
}

// foreign records what the comparison with our types found.
func (o *object) foreign(p manifest.Problem, level Level) {
	n := fromProblem(p, level)
	n.Object = o.wrote
	if o.title != "" {
		n.Object += "/" + o.title
	}
	if len(o.parents) > 0 {
		n.Message = oneLine("in the " + o.kind + " " + o.name + " made of it: " + n.Message)
	}
	o.in.notes = append(o.in.notes, n)
}

// readsAs tells whether what was written is what was meant.
func readsAs(data []byte, root *yaml.Node) bool {
	docs, problems := manifest.Parse("", data)
	return len(problems) == 0 && len(docs) == 1 && reflect.DeepEqual(manifest.Value(docs[0].Root), manifest.Value(root))
}

func stripComments(node *yaml.Node) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	for _, c := range node.Content {
		stripComments(c)
	}
}
