// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package egress_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/egress"
	"aof.dev/operator/pkg/trace"
)

func get(ctx context.Context, t *testing.T, rules egress.Rules, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{Transport: egress.NewTransport(rules)}
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.Do(request)
	if err == nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return response, err
}

func rules(t *testing.T, allow, deny string) egress.Rules {
	t.Helper()
	a, err := egress.ParsePrefixes(allow)
	require.NoError(t, err)
	d, err := egress.ParsePrefixes(deny)
	require.NoError(t, err)
	return egress.Rules{Allow: a, Deny: d}
}

func TestAddressesThatLeadInsideAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url         string
		allow, deny string
	}{
		"loopback":                       {url: "http://127.0.0.1:1"},
		"loopback by name":               {url: "http://localhost:1"},
		"loopback, IPv6":                 {url: "http://[::1]:1"},
		"loopback, IPv4 in IPv6":         {url: "http://[::ffff:127.0.0.1]:1"},
		"this machine":                   {url: "http://0.0.0.0:1"},
		"this machine, IPv6":             {url: "http://[::]:1"},
		"metadata":                       {url: "http://169.254.169.254/latest/meta-data"},
		"metadata, IPv6":                 {url: "http://[fd00:ec2::254]/"},
		"metadata of another cloud":      {url: "http://100.100.100.200/"},
		"link-local, IPv6":               {url: "http://[fe80::1]:1"},
		"what is denied":                 {url: "http://10.1.2.3:1", deny: "10.0.0.0/8"},
		"a neighbour of what is allowed": {url: "http://127.0.0.2:1", allow: "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t.Context(), t, rules(t, test.allow, test.deny), test.url)
			require.ErrorIs(t, err, egress.ErrRefused)
		})
	}
}

func TestARedirectLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("http://127.0.0.2:1/", http.StatusFound))
	t.Cleanup(server.Close)
	_, err := get(t.Context(), t, rules(t, "127.0.0.1/32", ""), server.URL)
	require.ErrorIs(t, err, egress.ErrRefused)
}

func TestTheTraceGoesAlong(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get(trace.Parent)+" "+r.Header.Get(trace.State))
	}))
	t.Cleanup(server.Close)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		trace trace.Context
		want  string
	}{
		"a trace":  {trace.Context{Parent: parent, State: "a=b"}, parent + " a=b"},
		"no trace": {trace.Context{}, " "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := get(trace.With(t.Context(), test.trace), t, rules(t, "127.0.0.1", ""), server.URL)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, test.want, string(body))
			assert.NoError(t, response.Body.Close())
		})
	}
}

func TestParsePrefixes(t *testing.T) {
	t.Parallel()
	got, err := egress.ParsePrefixes(" 10.1.2.3/8 ,, ::1")
	require.NoError(t, err)
	assert.Equal(t, "[10.0.0.0/8 ::1/128]", fmt.Sprint(got))
	_, err = egress.ParsePrefixes("localhost")
	require.ErrorContains(t, err, "localhost")
}

func TestThePodsOwnAddressesAreRefused(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		require.NoError(t, err)
		_, err = get(t.Context(), t, egress.Rules{}, "http://"+netip.AddrPortFrom(prefix.Addr(), 1).String())
		require.ErrorIs(t, err, egress.ErrRefused, a.String())
	}
}
