// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"
	"strings"
)

// Registry finds platforms by a Trigger's type. It never changes.
type Registry struct {
	byType map[string]Platform
	types  []string
}

// NewRegistry lists platforms. Two that claim one type are a mistake in the
// program, which it reports by a panic at start.
func NewRegistry(platforms ...Platform) *Registry {
	r := &Registry{byType: make(map[string]Platform, len(platforms))}
	for _, p := range platforms {
		for _, t := range append([]string{p.Type}, p.Aliases...) {
			key := strings.ToLower(t)
			if _, taken := r.byType[key]; taken || key == "" {
				panic(fmt.Sprintf("source: type %q is registered twice or empty", t))
			}
			r.byType[key] = p
		}
		r.types = append(r.types, p.Type)
	}
	slices.Sort(r.types)
	return r
}

// Lookup finds the platform of a Trigger's type, in any case and under any of
// its aliases.
func (r *Registry) Lookup(triggerType string) (Platform, bool) {
	p, ok := r.byType[strings.ToLower(triggerType)]
	return p, ok
}

// Types are the types that are served, sorted, without aliases.
func (r *Registry) Types() []string { return slices.Clone(r.types) }
