// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"knative.dev/networking/pkg/apis/networking/v1alpha1"
	"knative.dev/networking/pkg/ingress"
)

// backend is one share of a route's requests.
type backend struct {
	addresses []string // each host:port, any of which will do; never empty
	h2c       bool     // speaks HTTP/2 without TLS
	percent   int
	headers   map[string]string
}

// route is what happens to the requests of one path of one rule.
type route struct {
	prefix      string
	match       map[string]v1alpha1.HeaderMatch
	local       bool // only for the private listener
	redirect    bool // to https, when it comes in without TLS
	hash        string
	rewriteHost string
	headers     map[string]string
	backends    []backend
}

// table is all that the listeners need to know. It is replaced as a whole, never changed.
type table struct {
	routes       map[string][]route // by host, most specific first
	certificates map[string]*tls.Certificate
}

// resolver finds the addresses of a split's service, and whether it speaks HTTP/2 without TLS.
type resolver func(v1alpha1.IngressBackend) (addresses []string, h2c bool)

// add enters the rules of one ingress.
func (t *table) add(ing *v1alpha1.Ingress, resolve resolver) error {
	sum, err := ingress.ComputeHash(ing)
	if err != nil {
		return err
	}
	if t.routes == nil {
		t.routes = map[string][]route{}
	}
	for _, rule := range ing.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			r := newRoute(path, resolve)
			r.local = rule.Visibility == v1alpha1.IngressVisibilityClusterLocal
			r.redirect = !r.local && ing.Spec.HTTPOption == v1alpha1.HTTPOptionRedirected
			r.hash = hex.EncodeToString(sum[:])
			for _, host := range rule.Hosts {
				t.routes[host] = append(t.routes[host], r)
			}
		}
	}
	return nil
}

func newRoute(path v1alpha1.HTTPIngressPath, resolve resolver) route {
	r := route{prefix: path.Path, match: path.Headers, rewriteHost: path.RewriteHost, headers: path.AppendHeaders}
	for _, split := range path.Splits {
		b := backend{percent: split.Percent, headers: split.AppendHeaders}
		b.addresses, b.h2c = resolve(split.IngressBackend)
		r.backends = append(r.backends, b)
	}
	return r
}

// sort puts the most specific route first: more headers, then a longer path.
func (t *table) sort() {
	for _, routes := range t.routes {
		slices.SortStableFunc(routes, func(a, b route) int {
			return cmp.Or(cmp.Compare(len(b.match), len(a.match)), cmp.Compare(len(b.prefix), len(a.prefix)))
		})
	}
}

// find returns the route of a request, or nil.
func (t *table) find(host, path string, header http.Header, local bool) *route {
	for i, r := range t.routes[host] {
		if r.local && !local || !strings.HasPrefix(path, r.prefix) || !r.matches(header) {
			continue
		}
		return &t.routes[host][i]
	}
	return nil
}

func (r *route) matches(header http.Header) bool {
	for name, want := range r.match {
		if header.Get(name) != want.Exact {
			return false
		}
	}
	return true
}

// pick returns the backend for a number from 0 to 99, or nil if there is none. A single split may have no percentage.
func (r *route) pick(n int) *backend {
	for i, b := range r.backends {
		if n -= b.percent; n < 0 {
			return &r.backends[i]
		}
	}
	if len(r.backends) > 0 {
		return &r.backends[0]
	}
	return nil
}
