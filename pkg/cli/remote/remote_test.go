// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

func TestProxyPath(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"http://broker-ingress.knative-eventing.svc.cluster.local/ops/default": "/api/v1/namespaces/knative-eventing/services/broker-ingress:80/proxy/ops/default",
		"https://b.n.svc.cluster.local/x?a=b%20c":                              "/api/v1/namespaces/n/services/https:b:443/proxy/x?a=b%20c",
		"http://b.n.svc:8080":  "/api/v1/namespaces/n/services/b:8080/proxy",
		"http://b.n.svc/a%2Fb": "/api/v1/namespaces/n/services/b:80/proxy/a%2Fb",
	} {
		path, namespace, err := proxyPath(address)
		require.NoError(t, err, address)
		assert.Equal(t, want, path)
		assert.Contains(t, path, "/namespaces/"+namespace+"/")
	}
	for _, address := range []string{"", "/x", "http://example.com/x", "http://10.0.0.1/x", "http://a.b.c.d/x", "::"} {
		_, _, err := proxyPath(address)
		require.Error(t, err, address)
	}
}

func serve(t *testing.T, code int, body string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Warning", `299 - "mind the gap"`)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return &Client{base: server.URL, http: server.Client(), where: "context x", namespace: "ns", warn: func(string) {}}
}

var things = Resource{Group: "g", Version: "v1", Plural: "things"}

func TestRefusals(t *testing.T) {
	t.Parallel()
	status := func(reason, message string) string {
		return fmt.Sprintf(`{"kind":"Status","status":"Failure","reason":%q,"message":%q}`, reason, message)
	}
	for name, tc := range map[string]struct {
		code  int
		body  string
		want  string
		right bool
	}{
		"a right is missing":      {403, status("Forbidden", `things "a" is forbidden: User "u" cannot get`), "things \"a\" is forbidden: User \"u\" cannot get\n     it needs the right to get things.g in namespace ns", true},
		"an admission rule":       {403, status("Forbidden", `admission webhook "w" denied the request: no`), `admission webhook "w" denied the request: no`, false},
		"nobody is logged in":     {401, status("Unauthorized", "Unauthorized"), "context x does not know you: Unauthorized", false},
		"an unknown kind":         {404, status("NotFound", "the server could not find the requested resource"), "the cluster of context x has no things.g: is it installed there?", false},
		"somebody in the way":     {502, "<html>", "answered 502 Bad Gateway", false},
		"an answer without words": {500, "{}", "answered 500 Internal Server Error", false},
	} {
		_, err := serve(t, tc.code, tc.body).Get(t.Context(), things, "ns", "a")
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), tc.want, name)
		assert.Equal(t, tc.right, IsForbidden(err), name)
		assert.Equal(t, name == "an unknown kind", IsUnknownKind(err), name)
	}
	_, err := serve(t, 409, status("Conflict", "x")).Merge(t.Context(), things, "ns", "a", map[string]any{})
	assert.True(t, apierrors.IsConflict(err), "the predicates of apierrors hold")
	_, err = serve(t, 200, "[]").Get(t.Context(), things, "ns", "a")
	require.ErrorContains(t, err, "does not answer as a Kubernetes API server does")
}

func TestWatch(t *testing.T) {
	t.Parallel()
	const thing = `{"kind":"Thing","apiVersion":"g/v1","metadata":{"name":"a"}}`
	for name, tc := range map[string]struct {
		code int
		body string
		seen string
		err  string
	}{
		"changes":          {200, `{"type":"ADDED","object":` + thing + `}` + `{"type":"DELETED","object":` + thing + `}`, "ADDED DELETED", ""},
		"a bookmark":       {200, `{"type":"BOOKMARK","object":` + thing + `}{"type":"MODIFIED","object":` + thing + `}`, "MODIFIED", ""},
		"an error":         {200, `{"type":"ERROR","object":{"kind":"Status","code":410}}{"type":"ADDED","object":` + thing + `}`, "", ""},
		"half a change":    {200, `{"type":"ADDED","obj`, "", ""},
		"it is too old":    {410, `{}`, "", ""},
		"it is forbidden":  {403, `{"kind":"Status","reason":"Forbidden","message":"no"}`, "", "it needs the right to watch things.g in all namespaces"},
		"something else":   {200, `{"type":"ADDED","object":[]}`, "", "sent what can't be read"},
		"nothing is there": {200, "", "", ""},
	} {
		var seen []string
		done, err := serve(t, tc.code, tc.body).Watch(t.Context(), things, Selection{}, "1", func(kind watch.EventType, _ *unstructured.Unstructured) (bool, error) {
			seen = append(seen, string(kind))
			return false, nil
		})
		assert.False(t, done, name)
		if tc.err == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, tc.err, name)
		}
		assert.Equal(t, tc.seen, strings.Join(seen, " "), name)
	}
	_, err := Dev("http://127.0.0.1:1", "").Watch(t.Context(), things, Selection{}, "1", nil)
	require.ErrorIs(t, err, ErrNoWatch)
}

func TestWarningsAreHandedOn(t *testing.T) {
	t.Parallel()
	c := serve(t, 200, `{"kind":"Thing","apiVersion":"g/v1"}`)
	var warned string
	c.warn = func(text string) { warned = text }
	_, err := c.Get(t.Context(), things, "ns", "a")
	require.NoError(t, err)
	assert.Equal(t, "mind the gap", warned)
}
