// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/manifest"
)

// resolver knows which object stands in which file.
type resolver struct {
	files map[string][]*object
	names []string // of files, sorted
	disk  map[string][]*object
}

func newResolver() *resolver {
	return &resolver{files: map[string][]*object{}, disk: map[string][]*object{}}
}

func (r *resolver) learn(objects []*object) {
	for _, o := range objects {
		clean := filepath.Clean(o.file)
		r.files[clean] = append(r.files[clean], o)
	}
	for name := range r.files {
		r.names = append(r.names, name)
	}
	slices.Sort(r.names)
}

// maxAbove is how many directories above a file its references may start from:
// upstream writes them relative to the directory that holds agents/, flows/….
const maxAbove = 4

// resolve finds the object a path in a file refers to.
func (r *resolver) resolve(from, ref, kind string) *object {
	ref = filepath.Clean(filepath.FromSlash(ref))
	dir := filepath.Dir(from)
	if !filepath.IsLocal(ref) {
		// From the file itself ("../agents/x.yaml"), or wherever the file is.
		if found := r.at(from, filepath.Join(dir, ref), kind); found != nil && !filepath.IsAbs(ref) {
			return found
		}
		ref = filepath.Base(ref)
	}
	for range maxAbove {
		if found := r.at(from, filepath.Join(dir, ref), kind); found != nil {
			return found
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	for _, name := range r.names {
		if strings.HasSuffix(name, string(filepath.Separator)+ref) || name == ref {
			if found := ofKind(r.files[name], kind); found != nil {
				return found
			}
		}
	}
	return nil
}

// at gives the object of a kind in a file, among the inputs or on disk.
func (r *resolver) at(from, file, kind string) *object {
	if found := ofKind(r.files[file], kind); found != nil {
		return found
	}
	return ofKind(r.onDisk(from, file), kind)
}

// onDisk reads a file that is not among the inputs, only to learn what it holds.
func (r *resolver) onDisk(from, file string) []*object {
	if from == stdinName || r.files[file] != nil {
		return nil
	}
	if found, done := r.disk[file]; done {
		return found
	}
	r.disk[file] = nil
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || !looksLikePath(file) {
		return nil
	}
	docs, _ := manifest.Read([]string{file}, manifest.Options{})
	look := newIntake() // its notes are about a file nobody asked for
	look.read(docs)
	r.disk[file] = look.objects
	return look.objects
}

func ofKind(objects []*object, kind string) *object {
	for _, o := range objects {
		if o.kind == kind && o.name != "" {
			return o
		}
	}
	return nil
}

// reference turns any way upstream writes a reference into {name, namespace}:
// a name, ns/name, a path, {name}, {ref: name or path}. Nil when there is none.
func (o *object) reference(value *yaml.Node, kind string) *yaml.Node {
	switch {
	case isEmpty(value):
		return nil
	case isScalar(value):
		return o.referTo(value, kind)
	case isMapping(value):
		inner := take(value, "ref", "path", "file", "name")
		ns := take(value, "namespace")
		o.leftovers(value, "a reference is a name and a namespace")
		if !isScalar(inner) {
			o.dropped(value, "it names nothing")
			return nil
		}
		ref := o.referTo(inner, kind)
		if str(ns) != "" {
			set(ref, "namespace", text(objectName(str(ns)), ns.Line))
		}
		return ref
	}
	o.dropped(value, "a reference is a name, a path or {name, namespace}")
	return nil
}

func (o *object) referTo(value *yaml.Node, kind string) *yaml.Node {
	line, written := value.Line, strings.TrimSpace(value.Value)
	ref := mapping(line)
	o.moved(ref, value)
	if looksLikePath(written) {
		if target := o.in.resolver.resolve(o.file, written, kind); target != nil {
			set(ref, "name", text(target.name, line))
			if target.namespace != "" && target.namespace != o.namespace {
				set(ref, "namespace", text(target.namespace, line))
			}
			return ref
		}
		name := objectName(baseName(written))
		o.changed(value, "%s was not found: %s %s is taken from the file's name", clip(written, 120), kind, name)
		set(ref, "name", text(name, line))
		return ref
	}
	ns, name, both := strings.Cut(written, "/")
	if !both {
		ns, name = "", written
	}
	// A path without an extension is what it points at as well.
	if both && slices.Contains([]string{"agents", "fleets", "flows", "triggers", "contexts", "library"}, ns) {
		ns, name = "", baseName(written)
	}
	set(ref, "name", text(cmp.Or(objectName(name), name), line))
	if ns != "" {
		set(ref, "namespace", text(objectName(ns), line))
	}
	return ref
}

// referenceName is a reference where only a name can stand.
func (o *object) referenceName(value *yaml.Node, kind string) string {
	ref := o.reference(value, kind)
	if ref == nil {
		return ""
	}
	if ns := str(child(ref, "namespace")); ns != "" && ns != o.namespace {
		return ns + "/" + str(child(ref, "name"))
	}
	return str(child(ref, "name"))
}
