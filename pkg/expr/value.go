// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Textual is a structured value that reads as text: an event's user is an object with id and name,
// and yet ${event.user} in a message means the id. Paths walk into Value; rendering and comparing
// with a scalar use Text. In JSON it is its Value, so the Text does not survive a round trip.
type Textual struct {
	Value any
	Text  string
}

// MarshalJSON writes the Value alone.
func (t Textual) MarshalJSON() ([]byte, error) { return encode(t.Value) }

// Get walks from v along p through maps with string keys, lists and Textual values. It reports
// false when a step leads nowhere; an empty path finds v itself.
func Get(v any, p Path) (any, bool) {
	for _, key := range p {
		next, ok := step(v, key)
		if !ok {
			return nil, false
		}
		v = next
	}
	return v, true
}

func step(v any, key string) (any, bool) {
	switch t := v.(type) {
	case Textual:
		return step(t.Value, key)
	case *Textual:
		if t == nil {
			return nil, false
		}
		return step(t.Value, key)
	case map[string]any:
		next, ok := t[key]
		return next, ok
	case map[string]string:
		next, ok := t[key]
		return next, ok
	case []any:
		i, ok := index(key, len(t))
		if !ok {
			return nil, false
		}
		return t[i], true
	}
	return stepReflect(reflect.ValueOf(v), key)
}

// stepReflect serves the map and list types that are not the ones JSON gives.
func stepReflect(v reflect.Value, key string) (any, bool) {
	switch v.Kind() {
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return nil, false
		}
		next := v.MapIndex(reflect.ValueOf(key).Convert(v.Type().Key()))
		if !next.IsValid() || !next.CanInterface() {
			return nil, false
		}
		return next.Interface(), true
	case reflect.Slice, reflect.Array:
		i, ok := index(key, v.Len())
		if !ok || !v.Index(i).CanInterface() {
			return nil, false
		}
		return v.Index(i).Interface(), true
	default:
		return nil, false
	}
}

func index(key string, length int) (int, bool) {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= length || strconv.Itoa(i) != key {
		return 0, false
	}
	return i, true
}

// Text renders a value as it appears inside a text: nothing for nil, a string as it is, numbers
// without superfluous digits ("3", "0.5"), a Textual by its Text, maps and lists as compact JSON
// with sorted keys.
func Text(v any) string {
	switch t := v.(type) {
	case nil:
		return ""
	case string:
		return t
	case bool:
		return strconv.FormatBool(t)
	case int:
		return strconv.Itoa(t)
	case int64:
		return strconv.FormatInt(t, 10)
	case float64:
		return formatFloat(t, 64)
	case float32:
		return formatFloat(float64(t), 32)
	case json.Number:
		return t.String()
	case json.RawMessage:
		return string(t)
	case []byte:
		return string(t)
	case Textual:
		return t.Text
	case *Textual:
		if t == nil {
			return ""
		}
		return t.Text
	}
	if s, ok := scalarText(v); ok {
		return s
	}
	return jsonText(v)
}

// scalarText serves the remaining scalar kinds, named string types among them.
func scalarText(v any) (string, bool) {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return r.String(), true
	case reflect.Bool:
		return strconv.FormatBool(r.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if s, ok := v.(fmt.Stringer); ok {
			return s.String(), true
		}
		return strconv.FormatInt(r.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(r.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		return formatFloat(r.Float(), r.Type().Bits()), true
	default:
		return "", false
	}
}

func formatFloat(f float64, bits int) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}

func jsonText(v any) string {
	b, err := encode(v)
	if err != nil {
		// Only Go values that never come from JSON or YAML end here; their type says more than nothing.
		return fmt.Sprintf("(%T)", v)
	}
	return string(b)
}

// encode is json.Marshal without the escaping of <, > and &, which text for people does not need.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Truthy says whether a value counts as true by itself: nil, false, zero and the texts "", "false",
// "0" and "no" (in any case) do not, everything else does. A Textual counts by its Text.
func Truthy(v any) bool {
	switch t := v.(type) {
	case nil:
		return false
	case bool:
		return t
	case string:
		return truthyText(t)
	case Textual:
		return truthyText(t.Text)
	case *Textual:
		return t != nil && truthyText(t.Text)
	}
	if n, ok := number(v); ok {
		return n != 0
	}
	if s, ok := scalarText(v); ok {
		return truthyText(s)
	}
	return true
}

func truthyText(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "false", "0", "no":
		return false
	default:
		return true
	}
}

// number returns the value of the numeric kinds; texts are not numbers here.
func number(v any) (float64, bool) {
	switch t := v.(type) {
	case float64:
		return t, true
	case int:
		return float64(t), true
	case int64:
		return float64(t), true
	case json.Number:
		f, err := t.Float64()
		return f, err == nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(r.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return float64(r.Uint()), true
	case reflect.Float32, reflect.Float64:
		return r.Float(), true
	default:
		return 0, false
	}
}
