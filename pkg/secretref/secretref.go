// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package secretref

import (
	"fmt"
	"maps"
	"slices"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/names"
)

// Place is where credentials are.
type Place struct {
	// Name of the place, as errors say it: "the environment".
	Name string
	// Lookup finds a credential by its name; an empty one counts as missing.
	Lookup func(name string) (string, bool)
}

// Fill gives a copy of a configuration with the credentials of a place in it. It
// walks through maps and lists; what is no text stays as it is. Its errors name
// keys and credentials, never values.
func Fill(config any, from Place) (any, error) {
	switch v := config.(type) {
	case string:
		return from.fillText(v)
	case map[string]any:
		if text, err := keyRef(v); err != nil {
			return nil, err
		} else if text != "" {
			return from.fillText(text)
		}
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			filled, err := Fill(v[key], from)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[key] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			filled, err := Fill(item, from)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	default:
		return v, nil
	}
}

func (p Place) fillText(text string) (string, error) {
	t, err := expr.ParseTemplate(text)
	if err != nil {
		return "", err
	}
	found := p.resolver()
	if missing := t.Missing(found); len(missing) > 0 {
		return "", fmt.Errorf("%s has no %s", p.Name, missing[0])
	}
	return t.Render(found)
}

func (p Place) resolver() expr.Resolver {
	return expr.ResolverFunc(func(path expr.Path) (any, bool) {
		if len(path) != 1 {
			return nil, false
		}
		value, ok := p.Lookup(path[0])
		return value, ok && value != ""
	})
}

// keyRef gives {secretKeyRef: {name, key}} as ${key}; nothing when v is no such
// reference.
func keyRef(v map[string]any) (string, error) {
	ref, ok := v["secretKeyRef"].(map[string]any)
	if !ok {
		return "", nil
	}
	name, _ := ref["name"].(string)
	key, _ := ref["key"].(string)
	if name != names.Credentials || key == "" {
		return "", fmt.Errorf("secretKeyRef: credentials are taken by their key from Secret %s only", names.Credentials)
	}
	return "${" + key + "}", nil
}

// Missing lists the credentials without which Fill refuses a configuration,
// sorted, when those are there that has names.
func Missing(config any, has func(name string) bool) []string {
	there := Place{Lookup: func(name string) (string, bool) { return "x", has(name) }}.resolver()
	missing := map[string]bool{}
	eachTemplate(config, func(t *expr.Template) {
		for _, path := range t.Missing(there) {
			missing[path.String()] = true
		}
	})
	return slices.Sorted(maps.Keys(missing))
}

// Any says whether a configuration refers to a credential at all.
func Any(config any) bool {
	found := false
	eachTemplate(config, func(t *expr.Template) { found = found || len(t.Refs()) > 0 })
	return found
}

// eachTemplate visits every text that can be read.
func eachTemplate(config any, visit func(*expr.Template)) {
	switch v := config.(type) {
	case string:
		if t, err := expr.ParseTemplate(v); err == nil { // validation tells of the others
			visit(t)
		}
	case map[string]any:
		if text, err := keyRef(v); err == nil && text != "" {
			eachTemplate(text, visit)
			return
		}
		for _, item := range v {
			eachTemplate(item, visit)
		}
	case map[string]string:
		for _, item := range v {
			eachTemplate(item, visit)
		}
	case []any:
		for _, item := range v {
			eachTemplate(item, visit)
		}
	}
}
