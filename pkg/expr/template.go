// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import "errors"

var errNotImplemented = errors.New("not implemented yet")

// Template is a text with references in it: ${a.b}, ${a.b:-default} with defaults that may hold
// references again, and {{a.b}}. A ${ that does not begin a reference (${#VAR}, ${VAR%x}) and a {{
// that does not hold a path ({{.Names}}, {{ range }}) are ordinary text. A Template is immutable.
type Template struct{}

// ParseTemplate reads a template. It returns a *SyntaxError for a ${ that is never closed, for
// defaults nested deeper than MaxDepth and for a source longer than MaxSource.
func ParseTemplate(string) (*Template, error) { return nil, errNotImplemented }

// Refs lists the paths that the template names, in the order of their first appearance, each once.
func (t *Template) Refs() []Path { return nil }

// Value evaluates the template. When it is exactly one reference and nothing else, the value keeps
// its type (nil when it is missing); otherwise the result is the rendered string.
func (t *Template) Value(Resolver) (any, error) { return nil, errNotImplemented }

// Render evaluates the template to text; what is missing renders as nothing. A result longer than
// MaxRendered is ErrTooLarge.
func (t *Template) Render(Resolver) (string, error) { return "", errNotImplemented }
