// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"aof.dev/operator/pkg/kubeapi"
	"aof.dev/operator/pkg/names"
)

// api serves answer and gives a client of it.
func api(t *testing.T, answer http.HandlerFunc) *kubeapi.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.EnableHTTP2 = true // as API servers do
	server.StartTLS()
	t.Cleanup(server.Close)
	env := map[string]string{
		names.EnvAPIServer: server.URL,
		names.EnvAPICA:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		names.EnvAPIToken:  "s3cret-token",
	}
	config, err := kubeapi.ConfigFrom(func(name string) string { return env[name] })
	require.NoError(t, err)
	client, err := kubeapi.New(config)
	require.NoError(t, err)
	return client
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestObjectsAreReadAndWrittenByName(t *testing.T) {
	t.Parallel()
	const object = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"ns","name":"a","resourceVersion":"7"},"data":{"k":"v"}}`
	var seen []string
	client := api(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path)
		assert.Equal(t, "Bearer s3cret-token", r.Header.Get("Authorization"))
		assert.Equal(t, "HTTP/1.1", r.Proto)
		if r.URL.Path == "/api/v1/namespaces/ns/secrets/s" {
			write(w, http.StatusOK, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"k":"dg=="}}`)
			return
		}
		write(w, http.StatusOK, object)
	})
	got, err := client.ConfigMap(t.Context(), "ns", "a")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"k": "v"}, got.Data)
	got, err = client.UpdateConfigMap(t.Context(), got)
	require.NoError(t, err)
	assert.Equal(t, "7", got.ResourceVersion)
	_, err = client.CreateConfigMap(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a"}})
	require.NoError(t, err)
	secret, err := client.Secret(t.Context(), "ns", "s")
	require.NoError(t, err)
	assert.Equal(t, "v", string(secret.Data["k"]))
	const one = "/api/v1/namespaces/ns/configmaps/a"
	assert.Equal(t, []string{"GET " + one, "PUT " + one, "POST /api/v1/namespaces/ns/configmaps", "GET /api/v1/namespaces/ns/secrets/s"}, seen)

	_, err = client.ConfigMap(t.Context(), "ns", "")
	require.Error(t, err, "no name would mean all of them")
	assert.Len(t, seen, 4)
}

func TestATokenNoLongerTakenIsNoticed(t *testing.T) {
	t.Parallel()
	status := http.StatusForbidden
	client := api(t, func(w http.ResponseWriter, _ *http.Request) { write(w, status, `{"kind":"Status","apiVersion":"v1"}`) })
	_, err := client.ConfigMap(t.Context(), "ns", "a")
	assert.True(t, apierrors.IsForbidden(err))
	select {
	case <-client.Unauthorized():
		assert.Fail(t, "403 is an answer about this request, not about the token")
	default:
	}
	status = http.StatusUnauthorized
	for range 2 {
		_, err = client.AOF().FlowRuns("ns").Get(t.Context(), "r", metav1.GetOptions{})
		assert.True(t, apierrors.IsUnauthorized(err))
		assert.NotContains(t, err.Error(), "s3cret")
	}
	select {
	case <-client.Unauthorized():
	default:
		assert.Fail(t, "401 was not noticed")
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ server, token, want string }{
		"no server": {"", "t", names.EnvAPIServer},
		"no token":  {"https://api", "", names.EnvAPIToken},
		"plain":     {"http://api", "t", "https"},
		"no URL":    {"api:443", "t", "https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{names.EnvAPIServer: test.server, names.EnvAPIToken: test.token}
			_, err := kubeapi.ConfigFrom(func(name string) string { return env[name] })
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestConnectAsksForNothing(t *testing.T) {
	t.Parallel()
	var seen []string
	client := api(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path)
		write(w, http.StatusForbidden, "{}")
	})
	client.Connect(t.Context())
	assert.Equal(t, []string{"GET /livez"}, seen)
}
