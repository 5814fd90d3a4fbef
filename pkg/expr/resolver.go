// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

// Resolver finds the value that a path names. It tells a value that is absent (found is false) from
// one that is present and null. Implementations must be safe for concurrent use when the templates
// and conditions they serve are evaluated concurrently.
type Resolver interface {
	Resolve(p Path) (value any, found bool)
}

// ResolverFunc lets a plain function be a Resolver.
type ResolverFunc func(Path) (any, bool)

// Resolve calls the function.
func (f ResolverFunc) Resolve(p Path) (any, bool) { return f(p) }

// Chain asks one resolver after the other; the first that finds the path wins. Nil entries are
// skipped, and a chain of nothing finds nothing.
func Chain(rs ...Resolver) Resolver {
	kept := make(chain, 0, len(rs))
	for _, r := range rs {
		if r != nil {
			kept = append(kept, r)
		}
	}
	return kept
}

type chain []Resolver

// Resolve asks the resolvers in their order.
func (c chain) Resolve(p Path) (any, bool) {
	for _, r := range c {
		if v, ok := r.Resolve(p); ok {
			return v, true
		}
	}
	return nil, false
}

// Root resolves every path by walking down from one value, usually a map of the names that exist.
func Root(v any) Resolver {
	return ResolverFunc(func(p Path) (any, bool) { return Get(v, p) })
}

// lookup resolves a path against a resolver that may be nil.
func lookup(r Resolver, p Path) (any, bool) {
	if r == nil {
		return nil, false
	}
	return r.Resolve(p)
}
