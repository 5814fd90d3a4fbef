// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"knative.dev/networking/pkg/apis/networking/v1alpha1"
)

func testTable(t *testing.T) *table {
	t.Helper()
	split := func(name string, percent int) v1alpha1.IngressBackendSplit {
		return v1alpha1.IngressBackendSplit{IngressBackend: v1alpha1.IngressBackend{ServiceName: name}, Percent: percent}
	}
	path := func(prefix string, splits ...v1alpha1.IngressBackendSplit) v1alpha1.HTTPIngressPath {
		return v1alpha1.HTTPIngressPath{Path: prefix, Splits: splits}
	}
	tagged := path("", split("tagged", 100))
	tagged.Headers = map[string]v1alpha1.HeaderMatch{"Tag": {Exact: "blue"}}
	ing := &v1alpha1.Ingress{Spec: v1alpha1.IngressSpec{Rules: []v1alpha1.IngressRule{{
		Hosts:      []string{"open.example.com"},
		Visibility: v1alpha1.IngressVisibilityExternalIP,
		HTTP: &v1alpha1.HTTPIngressRuleValue{Paths: []v1alpha1.HTTPIngressPath{
			path("", split("old", 90), split("new", 10)), path("/a", split("a", 0)), path("/a/b", split("ab", 100)), tagged,
		}},
	}, {
		Hosts:      []string{"closed.default"},
		Visibility: v1alpha1.IngressVisibilityClusterLocal,
		HTTP:       &v1alpha1.HTTPIngressRuleValue{Paths: []v1alpha1.HTTPIngressPath{path("", split("closed", 100))}},
	}}}}
	tab := &table{}
	if err := tab.add(ing, func(b v1alpha1.IngressBackend) ([]string, bool) { return []string{b.ServiceName}, false }); err != nil {
		t.Fatal(err)
	}
	tab.sort()
	return tab
}

func TestFind(t *testing.T) {
	tab := testTable(t)
	for _, tc := range []struct {
		reason, host, path, tag string
		local                   bool
		n                       int
		want                    string
	}{
		{reason: "the first share", host: "open.example.com", path: "/", n: 89, want: "old"},
		{reason: "the second share", host: "open.example.com", path: "/", n: 90, want: "new"},
		{reason: "the longer path wins", host: "open.example.com", path: "/a/b/c", want: "ab"},
		{reason: "no percentage means all", host: "open.example.com", path: "/a", n: 99, want: "a"},
		{reason: "a header wins over a path", host: "open.example.com", path: "/a/b", tag: "blue", want: "tagged"},
		{reason: "another value does not match", host: "open.example.com", path: "/", tag: "red", want: "old"},
		{reason: "nobody knows this host", host: "none.example.com", path: "/", want: ""},
		{reason: "cluster-local hosts are private", host: "closed.default", path: "/", want: ""},
		{reason: "and served on the private listener", host: "closed.default", path: "/", local: true, want: "closed"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			got, header := "", http.Header{}
			if tc.tag != "" {
				header.Set("Tag", tc.tag)
			}
			if r := tab.find(tc.host, tc.path, header, tc.local); r != nil {
				got = r.pick(tc.n).addresses[0]
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
