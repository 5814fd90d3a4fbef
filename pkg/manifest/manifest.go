// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"io"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"
)

// Resource is what every AOF kind is: a Kubernetes object that knows its
// defaults and can say what is wrong with it.
type Resource interface {
	runtime.Object
	metav1.Object
	apis.Defaultable
	apis.Validatable
}

// Options bound and feed the reading. The zero value is ready to use.
type Options struct {
	// Stdin is read for the path "-". Nil makes that path a problem.
	Stdin io.Reader
	// MaxFileBytes bounds one file; 0 means DefaultMaxFileBytes.
	MaxFileBytes int64
	// MaxFiles bounds how many files all paths together may give; 0 means DefaultMaxFiles.
	MaxFiles int
}

const (
	// DefaultMaxFileBytes is the largest file that is read: 10 MiB.
	DefaultMaxFileBytes = 10 << 20
	// DefaultMaxFiles is the largest number of files read in one go.
	DefaultMaxFiles = 10_000
)

// Object is one AOF object with the place it was read from.
type Object struct {
	// Object is the typed object, as written: no defaults are set until Validate.
	// Its kind and apiVersion are set.
	Object Resource
	Kind   string
	// Namespace is empty when the file names none.
	Namespace string
	Name      string
	// File is the path as found, or "<stdin>"; Line is where the object begins.
	File string
	Line int

	node *yaml.Node
}

// LineOf gives the line a field stands on, for a path as validation reports it
// (spec.nodes[2].config.script, metadata.name). A field that is not written
// gives the line of its nearest parent that is; so it never is 0.
func (o *Object) LineOf(fieldPath string) int {
	return lineOf(o.node, o.Line, fieldPath)
}

// Load reads every AOF object under paths: files, directories (recursively, in
// sorted order, *.yaml, *.yml and *.json, hidden ones left out) and "-" for
// standard input. It gives every object that could be read without an error,
// and all problems, sorted; problems that are warnings or skips are among them
// (see Errors). Objects are not validated: see Validate.
func Load(paths []string, opts Options) ([]*Object, []Problem) {
	docs, problems := Read(paths, opts)
	var objects []*Object
	for _, doc := range docs {
		found, wrong := Decode(doc)
		objects = append(objects, found...)
		problems = append(problems, wrong...)
	}
	kept, doubles := dropDuplicates(objects)
	return kept, Sort(append(problems, doubles...))
}
