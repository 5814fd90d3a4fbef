// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"aof.dev/operator/pkg/trace"
)

// ErrRefused is wrapped by the error of a call to an address that is refused.
var ErrRefused = errors.New("the address is not for flows to reach")

// refused are addresses that are special to clouds beside those that are
// special to everybody: their metadata services give out credentials.
var refused = []netip.Prefix{
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("0.0.0.0/8"),
}

// Rules say which addresses may be reached: those in Allow; then none in Deny,
// none of this pod's own, no loopback, link-local, multicast or metadata address;
// then all others.
type Rules struct {
	Allow, Deny []netip.Prefix
}

// ParsePrefixes reads a list of networks such as "127.0.0.0/8, 10.1.2.3",
// separated by commas. An address alone is a network of one.
func ParsePrefixes(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			address, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%.50q is no network like 10.0.0.0/8", item)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// check judges one address.
func (r Rules) check(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	if within(r.Allow, address) {
		return nil
	}
	special := address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsMulticast() || address.IsUnspecified() ||
		within(refused, address) || slices.Contains(own(), address) || !address.IsValid()
	if special || within(r.Deny, address) {
		return fmt.Errorf("%w: %s", ErrRefused, address)
	}
	return nil
}

// own are the addresses of this pod, where the proxy beside the runner listens
// as well. They do not change while a pod lives.
var own = sync.OnceValue(func() []netip.Addr {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out
})

func within(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// control is called with each address before it is connected to.
func (r Rules) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: not an IP address and port", ErrRefused)
	}
	return r.check(target.Addr())
}

// NewTransport makes a transport under the rules. Nothing is connected before
// the first call.
func NewTransport(rules Rules) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: rules.control}
	return &tracing{next: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// tracing puts the trace of a call's context into its headers. A trace that the
// caller has set himself stands.
type tracing struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *tracing) RoundTrip(request *http.Request) (*http.Response, error) {
	c := trace.From(request.Context())
	if c.IsZero() || request.Header.Get(trace.Parent) != "" {
		return t.next.RoundTrip(request)
	}
	traced := request.Clone(request.Context())
	if traced.Header == nil {
		traced.Header = http.Header{}
	}
	c.SetHeader(traced.Header)
	return t.next.RoundTrip(traced)
}
