// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// maxPattern is the longest pattern in bytes that may come from a value.
const maxPattern = 4 << 10

// compilePattern compiles an RE2 pattern with an error that does not repeat it at length.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d KiB", maxPattern>>10)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern is no regular expression (RE2): %s", excerpt(strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
	}
	return re, nil
}

// isNull says whether a value is missing or null.
func isNull(v any) bool {
	switch t := v.(type) {
	case nil:
		return true
	case *Textual:
		return t == nil
	default:
		return false
	}
}

// scalar reduces a Textual to its text, and says whether v is a single value and no list or object.
func scalar(v any) (any, bool) {
	switch t := v.(type) {
	case Textual:
		return t.Text, true
	case *Textual:
		return t.Text, true
	case map[string]any, []any:
		return v, false
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct, reflect.Pointer:
		return v, false
	default:
		return v, true
	}
}

// equal compares two values with coercion; see ParseCondition.
func equal(a, b any) bool {
	if isNull(a) || isNull(b) {
		return isNull(a) && isNull(b)
	}
	sa, aScalar := scalar(a)
	sb, bScalar := scalar(b)
	switch {
	case aScalar && bScalar:
		return equalScalars(sa, sb)
	case isTextual(a) || isTextual(b) || !aScalar && !bScalar:
		// A structure equals a structure with the same content, whatever Go types hold it.
		ja, errA := encode(a)
		jb, errB := encode(b)
		return errA == nil && errB == nil && string(ja) == string(jb)
	default:
		return false
	}
}

func isTextual(v any) bool {
	switch v.(type) {
	case Textual, *Textual:
		return true
	default:
		return false
	}
}

func equalScalars(a, b any) bool {
	aBool, aIsBool := a.(bool)
	bBool, bIsBool := b.(bool)
	switch {
	case aIsBool && bIsBool:
		return aBool == bBool
	case aIsBool:
		t, ok := truthWord(b)
		return ok && t == aBool
	case bIsBool:
		t, ok := truthWord(a)
		return ok && t == bBool
	}
	if isString(a) && isString(b) {
		return Text(a) == Text(b)
	}
	order, ok := compareNumbers(a, b)
	return ok && order == 0
}

// truthWord reads a text that says true or false, in any case.
func truthWord(v any) (value, ok bool) {
	if !isString(v) {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(Text(v))) {
	case "true":
		return true, true
	case "false":
		return false, true
	default:
		return false, false
	}
}

func isString(v any) bool {
	if _, ok := v.(string); ok {
		return true
	}
	if _, isNumber := number(v); isNumber {
		return false // json.Number is a string only to the language
	}
	return reflect.ValueOf(v).Kind() == reflect.String
}

// less and atMost order numbers and texts that say numbers as numbers, and two other texts by their
// bytes. Nothing else has an order.
func less(a, b any) bool {
	order, ok := compare(a, b)
	return ok && order < 0
}

func atMost(a, b any) bool {
	order, ok := compare(a, b)
	return ok && order <= 0
}

func compare(a, b any) (order int, ok bool) {
	if isNull(a) || isNull(b) {
		return 0, false
	}
	sa, aScalar := scalar(a)
	sb, bScalar := scalar(b)
	if !aScalar || !bScalar {
		return 0, false
	}
	if order, ok := compareNumbers(sa, sb); ok {
		return order, true
	}
	if isString(sa) && isString(sb) {
		return strings.Compare(Text(sa), Text(sb)), true
	}
	return 0, false
}

// compareNumbers compares two numbers or texts that say one. Integers compare exactly, since ids of
// chat platforms do not fit a float64.
func compareNumbers(a, b any) (order int, ok bool) {
	ia, aInt := integer(a)
	ib, bInt := integer(b)
	if aInt && bInt {
		switch {
		case ia < ib:
			return -1, true
		case ia > ib:
			return 1, true
		default:
			return 0, true
		}
	}
	fa, aOK := decimal(a)
	fb, bOK := decimal(b)
	switch {
	case !aOK || !bOK:
		return 0, false
	case fa < fb:
		return -1, true
	case fa > fb:
		return 1, true
	case fa == fb:
		return 0, true
	default:
		return 0, false // not a number
	}
}

func integer(v any) (int64, bool) {
	switch t := v.(type) {
	case int:
		return int64(t), true
	case int64:
		return t, true
	case float64, float32, bool:
		return 0, false
	}
	i, err := strconv.ParseInt(strings.TrimSpace(Text(v)), 10, 64)
	return i, err == nil
}

// decimal returns a number, or the number that a text says in plain decimal notation.
func decimal(v any) (float64, bool) {
	if f, ok := number(v); ok {
		return f, true
	}
	if !isString(v) {
		return 0, false
	}
	s := strings.TrimSpace(Text(v))
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // no "inf", "nan" or hexadecimal
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// contains says whether a list has an equal element, an object the key, or a text the part.
func contains(whole, part any) bool {
	if isNull(whole) || isNull(part) {
		return false
	}
	structure := whole
	switch t := whole.(type) {
	case Textual:
		structure = t.Value
	case *Textual:
		structure = t.Value
	}
	v := reflect.ValueOf(structure)
	if kind := v.Kind(); kind == reflect.Slice || kind == reflect.Array {
		for i := range v.Len() {
			if equal(v.Index(i).Interface(), part) {
				return true
			}
		}
		return false
	}
	if v.Kind() == reflect.Map && !isTextual(whole) {
		_, found := step(structure, Text(part))
		return found
	}
	return strings.Contains(Text(whole), Text(part))
}
