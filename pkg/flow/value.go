// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"aof.dev/operator/pkg/expr"
)

var (
	errTooDeep     = fmt.Errorf("nests deeper than %d levels", MaxDepth)
	errTooMuch     = errors.New("is too large")
	errNotFinite   = errors.New("holds a number that is not finite")
	errUnencodable = errors.New("holds a value that has no JSON form")
)

// maxExact is the highest magnitude up to which float64 holds every integer.
const maxExact = 1 << 53

// canonical copies a value into the form that survives JSON exactly: nil, bool,
// string in valid UTF-8, float64, int64 for integers beyond 2^53, []any and
// map[string]any. It keeps account of the size, roughly that of the JSON text.
type canonical struct {
	left  int // bytes that may still be used
	depth int
}

// canonicalValue copies one value of at most limit bytes.
func canonicalValue(v any, limit int) (any, error) {
	c := canonical{left: limit}
	return c.value(v)
}

// canonicalMap is canonicalValue for maps; an empty map becomes nil, since JSON
// leaves it out.
func canonicalMap(m map[string]any, limit int) (map[string]any, error) {
	if len(m) == 0 {
		return nil, nil //nolint:nilnil // nil is the canonical empty map
	}
	v, err := canonicalValue(m, limit)
	if err != nil {
		return nil, err
	}
	out, _ := v.(map[string]any)
	return out, nil
}

// canonicalStrings is canonicalMap for maps of strings.
func canonicalStrings(m map[string]string, limit int) (map[string]string, error) {
	if len(m) == 0 {
		return nil, nil //nolint:nilnil // nil is the canonical empty map
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		limit -= len(k) + len(v) + 6
		if limit < 0 {
			return nil, errTooMuch
		}
		out[valid(k)] = valid(v)
	}
	return out, nil
}

func (c *canonical) value(v any) (any, error) {
	switch t := v.(type) {
	case nil, bool:
		return t, c.take(5)
	case string:
		return valid(t), c.take(len(t) + 2)
	case float64:
		return canonicalFloat(t, c)
	case float32:
		return canonicalFloat(float64(t), c)
	case int:
		return canonicalInt(int64(t), c)
	case int32:
		return canonicalInt(int64(t), c)
	case int64:
		return canonicalInt(t, c)
	case json.Number:
		return canonicalNumber(t, c)
	case []any:
		return canonicalList(t, c)
	case []string:
		return canonicalList(t, c)
	case map[string]any:
		return canonicalObject(t, c)
	case map[string]string:
		return canonicalObject(t, c)
	case expr.Textual:
		return c.value(t.Value)
	default:
		return c.foreign(v)
	}
}

// foreign takes values of other Go types the way encoding/json writes them.
func (c *canonical) foreign(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, errUnencodable
	}
	if len(text) > c.left {
		return nil, errTooMuch
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, errUnencodable
	}
	return c.value(plain)
}

func (c *canonical) take(n int) error {
	c.left -= n
	if c.left < 0 {
		return errTooMuch
	}
	return nil
}

func (c *canonical) enter() error {
	c.depth++
	if c.depth > MaxDepth {
		return errTooDeep
	}
	return c.take(2)
}

func canonicalList[T any](list []T, c *canonical) (any, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, v := range list {
		e, err := c.value(v)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	c.depth--
	return out, nil
}

func canonicalObject[T any](m map[string]T, c *canonical) (any, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		if err := c.take(len(k) + 4); err != nil {
			return nil, err
		}
		e, err := c.value(v)
		if err != nil {
			return nil, err
		}
		out[valid(k)] = e
	}
	c.depth--
	return out, nil
}

func canonicalFloat(f float64, c *canonical) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errNotFinite
	}
	if err := c.take(8); err != nil {
		return nil, err
	}
	switch {
	case f == 0:
		return float64(0), nil // not -0, which JSON does not keep apart
	case math.Trunc(f) != f || math.Abs(f) <= maxExact || f >= 1<<63 || f < -1<<63:
		return f, nil
	default:
		return int64(f), nil
	}
}

func canonicalInt(i int64, c *canonical) (any, error) {
	if err := c.take(8); err != nil {
		return nil, err
	}
	if i >= -maxExact && i <= maxExact {
		return float64(i), nil
	}
	return i, nil
}

func canonicalNumber(n json.Number, c *canonical) (any, error) {
	if i, err := n.Int64(); err == nil {
		return canonicalInt(i, c)
	}
	f, err := n.Float64()
	if err != nil {
		return nil, errNotFinite
	}
	return canonicalFloat(f, c)
}

// valid is what JSON makes of a string.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// canonicalTime drops what JSON does not keep of a time: zone and monotonic
// reading. A time outside the years that JSON can write counts as none.
func canonicalTime(t time.Time) time.Time {
	t = t.UTC().Round(0)
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// cut bounds a message for people.
func cut(s string) string {
	s = valid(s)
	if len(s) <= MaxMessageBytes {
		return s
	}
	return strings.ToValidUTF8(s[:MaxMessageBytes-len("…")], "") + "…"
}
