// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// strict compares a tree with the Go type it is to become. The JSON decoder
// cannot: types with an UnmarshalJSON of their own hide unknown fields from it,
// and its errors have no lines.
type strict struct {
	// found receives every deviation.
	found func(d deviation)
	// mend lets the tree be changed: an unknown key is taken out, a key in the
	// other spelling gets its proper one. Both are reported before.
	mend bool
}

// deviation is one place where a tree is not what its type wants.
type deviation struct {
	path    string
	node    *yaml.Node // the value
	line    int
	unknown bool // the key is not known; otherwise the value does not fit
	message string
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (s *strict) check(node *yaml.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return // null is the same as not written
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		if fields := fieldsOf(t); node.Kind != yaml.MappingNode || len(fields) == 0 {
			s.unmarshal(node, t, path)
			return
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		s.structure(node, t, path)
	case reflect.Map:
		s.entries(node, t, path)
	case reflect.Slice, reflect.Array:
		s.items(node, t, path)
	case reflect.Interface:
		return
	default:
		s.scalar(node, t, path)
	}
}

func (s *strict) misfit(node *yaml.Node, path, format string, args ...any) {
	s.found(deviation{path: path, node: node, line: node.Line, message: fmt.Sprintf(format, args...)})
}

func (s *strict) structure(node *yaml.Node, t reflect.Type, path string) {
	if node.Kind != yaml.MappingNode {
		s.misfit(node, path, "wants fields, found %s", describe(node))
		return
	}
	fields := fieldsOf(t)
	written := map[string]*yaml.Node{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		where := joinPath(path, key.Value)
		name, known := lookup(fields, key.Value)
		if !known && openTypes[t] {
			kept = append(kept, key, value)
			continue
		}
		if !known {
			s.found(deviation{path: where, node: value, line: key.Line, unknown: true, message: unknownField(key.Value, fields)})
			continue
		}
		if first, twice := written[name]; twice {
			s.found(deviation{
				path: where, node: value, line: key.Line, unknown: true,
				message: fmt.Sprintf("the same field as %q on line %d", clip(first.Value, 80), first.Line),
			})
			continue
		}
		written[name] = key
		if s.mend && key.Value != name {
			key.Value = name
		}
		s.check(value, formOf(t, name, fields[name], value), where)
		kept = append(kept, key, value)
	}
	if s.mend {
		node.Content = kept
	}
}

// openTypes keep keys they do not know.
var openTypes = map[reflect.Type]bool{reflect.TypeFor[aofv1.FlowContext](): true}

// consensusForm is the object upstream writes for a consensus.
type consensusForm struct {
	aofv1.ConsensusOptions `json:",inline"`

	Algorithm aofv1.FleetConsensus `json:"algorithm"`
}

// formOf gives the type a field's value is compared with: its own, unless the
// field takes more than its Go type says.
func formOf(owner reflect.Type, name string, own reflect.Type, value *yaml.Node) reflect.Type {
	switch {
	case owner == reflect.TypeFor[aofv1.FleetMember]() && name == "spec":
		return reflect.TypeFor[aofv1.AgentSpec]()
	case owner == reflect.TypeFor[aofv1.FleetCoordination]() && name == "consensus" && value.Kind == yaml.MappingNode:
		return reflect.TypeFor[consensusForm]()
	}
	return own
}

// lookup finds the field a key stands for: its own name or, as upstream writes
// both, the name in the other spelling.
func lookup(fields map[string]reflect.Type, key string) (string, bool) {
	if _, ok := fields[key]; ok {
		return key, true
	}
	folded := foldName(key)
	for name := range fields {
		if foldName(name) == folded {
			return name, true
		}
	}
	return "", false
}

func unknownField(key string, fields map[string]reflect.Type) string {
	message := fmt.Sprintf("unknown field %q", clip(key, 80))
	if near := nearest(key, fields); near != "" {
		message += fmt.Sprintf(" (did you mean %q?)", near)
	}
	return message
}

func nearest(key string, fields map[string]reflect.Type) string {
	if len(key) > 60 {
		return ""
	}
	best, least := "", 3
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		d := distance(foldName(key), foldName(name))
		if d < least || (d == least && best != "" && distance(key, name) < distance(key, best)) {
			best, least = name, d
		}
	}
	if least >= len(best) {
		return ""
	}
	return best
}

// distance counts the single letters to change to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func (s *strict) entries(node *yaml.Node, t reflect.Type, path string) {
	if node.Kind != yaml.MappingNode {
		s.misfit(node, path, "wants keys and values, found %s", describe(node))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		s.check(node.Content[i+1], t.Elem(), joinPath(path, node.Content[i].Value))
	}
}

func (s *strict) items(node *yaml.Node, t reflect.Type, path string) {
	if t.Elem().Kind() == reflect.Uint8 {
		s.unmarshal(node, t, path)
		return
	}
	if node.Kind != yaml.SequenceNode {
		s.misfit(node, path, "wants a list, found %s", describe(node))
		return
	}
	for i, item := range node.Content {
		s.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (s *strict) scalar(node *yaml.Node, t reflect.Type, path string) {
	if node.Kind != yaml.ScalarNode {
		s.misfit(node, path, "wants %s, found %s", typeName(t), describe(node))
		return
	}
	value, err := scalarValue(node)
	if err != nil {
		s.misfit(node, path, "%v", err)
		return
	}
	var fits bool
	switch t.Kind() {
	case reflect.String:
		_, fits = value.(string)
	case reflect.Bool:
		fits = asBool(node, value)
	default:
		if _, fits = value.(json.Number); fits {
			s.unmarshal(node, t, path)
			return
		}
	}
	if !fits {
		s.misfit(node, path, "wants %s, found %s", typeName(t), describe(node))
	}
}

// asBool takes the words YAML 1.1, and so kubectl, reads as booleans for such,
// where a boolean is wanted.
func asBool(node *yaml.Node, value any) bool {
	if _, ok := value.(bool); ok {
		return true
	}
	if node.Style != 0 {
		return false
	}
	switch strings.ToLower(node.Value) {
	case "yes", "on", "y":
		node.Value, node.Tag = "true", "!!bool"
	case "no", "off", "n":
		node.Value, node.Tag = "false", "!!bool"
	default:
		return false
	}
	return true
}

// unmarshal tries the value on its own, so that the error has its place.
func (s *strict) unmarshal(node *yaml.Node, t reflect.Type, path string) {
	data, err := json.Marshal(Value(node))
	if err == nil {
		err = json.Unmarshal(data, reflect.New(t).Interface())
	}
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "json: ")
		if strings.Contains(text, "Go value of type") {
			text = fmt.Sprintf("wants %s, found %s", typeName(t), describe(node))
		}
		s.misfit(node, path, "%s", text)
	}
}

// fieldsOf lists the JSON names of a struct and their types, embedded ones
// included. Anything but a struct has none.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return fields
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		inner := field.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		inline := slices.Contains(strings.Split(options, ","), "inline") || (field.Anonymous && name == "")
		switch {
		case inline && inner.Kind() == reflect.Struct:
			for n, ft := range fieldsOf(inner) {
				if _, hidden := fields[n]; !hidden {
					fields[n] = ft
				}
			}
		case field.IsExported() && name != "":
			fields[name] = field.Type
		case field.IsExported():
			fields[field.Name] = field.Type
		}
	}
	return fields
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "keys and values"
	default:
		return "a whole number"
	}
}

// describe names what a node is, without its value: values may be secrets.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	default:
	}
	switch node.ShortTag() {
	case "!!bool":
		return "true or false (quote it if text is meant)"
	case "!!int", "!!float":
		return "a number (quote it if text is meant)"
	case "!!null":
		return "nothing"
	}
	return "text"
}
