// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// ObjectReference names another AOF object. It may be written as an object, as
// the string "name" or "namespace/name", or with `ref`; it is stored as name
// and namespace.
type ObjectReference struct {
	// Name of the object.
	Name string `json:"name,omitempty"`
	// Namespace of the object; that of the referring object when empty.
	Namespace string `json:"namespace,omitempty"`
	// Ref is another way to write the reference: a name, "namespace/name", or
	// the path of a file whose base name is the object's name. It is stored as
	// name and namespace.
	Ref string `json:"ref,omitempty"`
}

// UnmarshalJSON accepts the object form and the string form.
func (r *ObjectReference) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("read reference: %w", err)
		}
		*r = ParseReference(s)
		return nil
	}
	type plain ObjectReference
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read reference: %w", err)
	}
	*r = ObjectReference(p)
	r.fold()
	return nil
}

// ParseReference reads the string form of a reference: "name",
// "namespace/name", or the path of a YAML or JSON file, of which the base name
// without its extension is the object's name.
func ParseReference(s string) ObjectReference {
	s = strings.TrimSpace(s)
	switch ext := path.Ext(s); ext {
	case ".yaml", ".yml", ".json":
		return ObjectReference{Name: strings.TrimSuffix(path.Base(s), ext)}
	}
	if ns, name, ok := strings.Cut(s, "/"); ok {
		return ObjectReference{Namespace: ns, Name: name}
	}
	return ObjectReference{Name: s}
}

// fold brings `ref` to name and namespace. A ref beside a different name stays,
// for Validate to refuse it.
func (r *ObjectReference) fold() {
	if r.Ref == "" {
		return
	}
	parsed := ParseReference(r.Ref)
	if r.Name != "" && r.Name != parsed.Name {
		return
	}
	if parsed.Namespace != "" && r.Namespace != "" && parsed.Namespace != r.Namespace {
		return
	}
	r.Name = parsed.Name
	if parsed.Namespace != "" {
		r.Namespace = parsed.Namespace
	}
	r.Ref = ""
}

// IsZero reports whether the reference names nothing.
func (r ObjectReference) IsZero() bool { return r == ObjectReference{} }

// NamespacedName resolves the reference as seen from an object in namespace.
func (r ObjectReference) NamespacedName(namespace string) types.NamespacedName {
	if r.Namespace != "" {
		namespace = r.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: r.Name}
}

// String is the short form of the reference: "name" or "namespace/name".
func (r ObjectReference) String() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}
