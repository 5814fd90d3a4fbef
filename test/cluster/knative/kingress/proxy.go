// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"knative.dev/networking/pkg/http/header"
)

// kind is what a listener is for.
type kind int

const (
	public kind = iota
	private
	secure
)

// proxy is the handler of one listener.
type proxy struct {
	table   *atomic.Pointer[table]
	kind    kind
	h1, h2c http.RoundTripper
}

func newProxy(t *atomic.Pointer[table], k kind) *proxy {
	transport := func(h2c bool) *http.Transport {
		p := new(http.Protocols)
		p.SetHTTP1(!h2c)
		p.SetUnencryptedHTTP2(h2c)
		return &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 100, IdleConnTimeout: 90 * time.Second, Protocols: p}
	}
	return &proxy{table: t, kind: k, h1: transport(false), h2c: transport(true)}
}

// dial tries for a while: the address of a new Service is refused until kube-proxy knows its pods, and that of a pod
// while it starts. Requests themselves are never sent twice.
func dial(ctx context.Context, netw, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	for deadline := time.Now().Add(3 * time.Second); ; {
		conn, err := d.DialContext(ctx, netw, address)
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(deadline) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ServeHTTP forwards a request to where the table says.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	found := p.table.Load().find(host, r.URL.Path, r.Header, p.kind == private)
	if found == nil {
		http.NotFound(w, r)
		return
	}
	if found.redirect && p.kind == public {
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusMovedPermanently)
		return
	}
	to := found.pick(rand.IntN(100)) //nolint:gosec // no secret
	if to == nil {
		http.Error(w, "this path has no backend", http.StatusServiceUnavailable)
		return
	}
	p.forward(w, r, found, to)
}

func (p *proxy) forward(w http.ResponseWriter, r *http.Request, found *route, to *backend) {
	transport := p.h1
	if to.h2c {
		transport = p.h2c
	}
	rp := httputil.ReverseProxy{
		FlushInterval: -1, // at once: gRPC and event streams
		Transport:     transport,
		Rewrite: func(pr *httputil.ProxyRequest) {
			//nolint:gosec // no secret
			pr.SetURL(&url.URL{Scheme: "http", Host: to.addresses[rand.IntN(len(to.addresses))]})
			pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
			pr.SetXForwarded()
			pr.Out.Host = pr.In.Host
			if found.rewriteHost != "" {
				pr.Out.Host = found.rewriteHost
			}
			// Whoever probes wants to know which version of the ingress answers.
			if pr.In.Header.Get(header.HashKey) == header.HashValueOverride {
				pr.Out.Header.Set(header.HashKey, found.hash)
			}
			for _, headers := range []map[string]string{found.headers, to.headers} {
				for name, value := range headers {
					pr.Out.Header.Set(name, value)
				}
			}
		},
	}
	rp.ServeHTTP(w, r)
}
