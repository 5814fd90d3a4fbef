// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"strings"

	"knative.dev/pkg/apis"
)

// A field that may be written with two names is declared with both, since the
// API server drops what is not declared before a webhook sees it. SetDefaults
// moves the value to the first name (fold…); when both names hold different
// values it leaves them for Validate to refuse (notBoth).

// fold moves a value to the canonical field.
func fold[T comparable](canonical, other *T) {
	var zero T
	if *canonical == zero {
		*canonical = *other
	}
	if *canonical == *other {
		*other = zero
	}
}

// foldPointer moves an optional value to the canonical field.
func foldPointer[T comparable](canonical, other **T) {
	switch {
	case *other == nil:
	case *canonical == nil:
		*canonical, *other = *other, nil
	case **canonical == **other:
		*other = nil
	}
}

// foldList moves a list to the canonical field.
func foldList[T any](canonical, other *[]T) {
	if len(*canonical) == 0 && len(*other) > 0 {
		*canonical = *other
	}
	if len(*other) == 0 || len(*canonical) > 0 && &(*canonical)[0] == &(*other)[0] {
		*other = nil
	}
}

// notBoth refuses a second name that still has a value: the first has another one.
func notBoth(otherIsSet bool, canonical, other string) *apis.FieldError {
	if !otherIsSet {
		return nil
	}
	err := apis.ErrMultipleOneOf(canonical, other)
	err.Details = "these are two spellings of one field and hold different values"
	return err
}

// canonicalWord finds what a word stands for, in any case: first among the
// synonyms, whose keys are in lower case, then among the known words. A word it
// does not know stays as it is.
func canonicalWord[T ~string](word T, known []T, synonyms map[string]T) T {
	lower := strings.ToLower(strings.TrimSpace(string(word)))
	if canonical, ok := synonyms[lower]; ok {
		return canonical
	}
	for _, k := range known {
		if strings.EqualFold(string(k), lower) {
			return k
		}
	}
	return word
}
