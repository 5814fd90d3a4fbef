// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/manifest"
)

// Level says what a note means for the one who imports.
type Level string

const (
	// Changed says that the meaning was kept or chosen as the note tells; look whether it suits.
	Changed Level = "changed"
	// Dropped says that the field has no counterpart and is not in what was written.
	Dropped Level = "not carried over"
	// Refused says that the object (or the whole document) was not imported.
	Refused Level = "refused"
	// Skipped says that the document is no AOF object, so there was nothing to import.
	Skipped Level = "skipped"
)

// Note is one thing the import has to say about its input.
type Note struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Object is kind/name as the input calls it; empty when it names none.
	Object string `json:"object,omitempty"`
	// Field is the path in the input.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Level   Level  `json:"level"`
}

// String gives the note as one line:
// path/file.yaml:12: Binding/prod: spec.overrides.x: not carried over: why.
func (n Note) String() string {
	var b strings.Builder
	b.WriteString(n.File)
	if n.Line > 0 {
		b.WriteString(":" + strconv.Itoa(n.Line))
	}
	for _, part := range []string{n.Object, n.Field, string(n.Level), n.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	return b.String()
}

// Out is one imported object.
type Out struct {
	Kind      string
	Namespace string // empty when the input names none
	Name      string
	// YAML is the object as one document, without a document marker.
	YAML []byte
	// File and Line say where in the input it comes from.
	File string
	Line int
}

// Result is what an import gives.
type Result struct {
	// Objects are valid, each kind, namespace and name once, in the order of the
	// input; what was generated for an object follows it.
	Objects []Out
	// Notes are sorted by file and line.
	Notes []Note
}

// Refused tells whether anything was not imported at all.
func (r Result) Refused() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Level == Refused })
}

// YAML gives all objects as one stream of documents.
func (r Result) YAML() []byte {
	var out []byte
	for _, o := range r.Objects {
		out = append(out, "---\n"...)
		out = append(out, o.YAML...)
	}
	return out
}

// Import reads the files under paths (as manifest.Load finds them) and turns
// what they hold into AOF objects. References to files are followed, among the
// inputs and next to them on disk, to learn the name of what they refer to. The
// error tells of paths that could not be read; the result holds the rest.
func Import(paths []string, opts manifest.Options) (Result, error) {
	docs, problems := manifest.Read(paths, opts)
	var unreadable []error
	in := newIntake()
	for _, p := range problems {
		if p.Unreadable {
			unreadable = append(unreadable, p)
			continue
		}
		in.notes = append(in.notes, fromProblem(p, Refused))
	}
	in.read(docs)
	in.convert()
	return Result{Objects: in.finish(), Notes: sorted(in.notes)}, errors.Join(unreadable...)
}

func fromProblem(p manifest.Problem, level Level) Note {
	object := p.Kind
	if p.Name != "" {
		object += "/" + p.Name
	}
	return Note{File: p.File, Line: p.Line, Object: object, Field: p.Field, Message: p.Message, Level: level}
}

func sorted(notes []Note) []Note {
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			strings.Compare(a.Field, b.Field),
			strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(notes)
}
