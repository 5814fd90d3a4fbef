// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	aofclient "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
)

// answering is an API that gives one answer to all.
type answering struct {
	status int
	body   string
	seen   []string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.seen = append(a.seen, r.Method+" "+r.URL.RequestURI())
	if a.status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func storeOf(t *testing.T, a *answering) *kube.Store {
	t.Helper()
	client, err := aofclient.NewForConfig(&rest.Config{Host: "http://api", Transport: a, QPS: -1})
	require.NoError(t, err)
	return kube.New(client.RESTClient())
}

func status(reason, message string) string {
	return `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"` + reason + `","message":"` + message + `"}`
}

func TestAnswersAreErrorsOfTheLedger(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"there already":         {409, status("AlreadyExists", "x"), ledger.ErrExists},
		"another version":       {409, status("Conflict", "x"), ledger.ErrConflict},
		"none":                  {404, status("NotFound", "x"), ledger.ErrNotFound},
		"too large for the API": {413, status("RequestEntityTooLarge", "limit is 3145728"), ledger.ErrTooLarge},
		"too large for etcd":    {500, status("", "etcdserver: request is too large"), ledger.ErrTooLarge},
		"too large to send":     {500, status("", "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2097683 vs. 2097152)"), ledger.ErrTooLarge},
		"invalid":               {422, status("Invalid", strings.Repeat("spec.event is wrong. ", 1000)), ledger.ErrInvalid},
		"an old continue token": {410, status("Expired", "x"), ledger.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storeOf(t, &answering{status: test.status, body: test.body})
			err := s.Create(t.Context(), ledgertest.Run("ns", "a"))
			require.ErrorIs(t, err, test.want)
			assert.Less(t, len(err.Error()), 600)
		})
	}
}

func TestOtherErrorsAreNoneOfTheLedgers(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*answering{
		"forbidden":   {status: 403, body: status("Forbidden", "x")},
		"overloaded":  {status: 500, body: status("InternalError", "etcdserver: leader changed")},
		"no answer":   {},
		"not our API": {status: 502, body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storeOf(t, a)
			_, err := s.Get(t.Context(), "ns", "a")
			require.Error(t, err)
			for _, not := range []error{ledger.ErrExists, ledger.ErrConflict, ledger.ErrNotFound, ledger.ErrTooLarge, ledger.ErrInvalid} {
				require.NotErrorIs(t, err, not)
			}
		})
	}
}

func TestANameThatIsNoneAsksForNothingElse(t *testing.T) {
	t.Parallel()
	a := &answering{status: 200, body: "{}"}
	s := storeOf(t, a)
	for _, name := range []string{"", "../agents", "a/status", "A"} {
		_, err := s.Get(t.Context(), "ns", name)
		require.ErrorIs(t, err, ledger.ErrNotFound)
		require.ErrorIs(t, s.Delete(t.Context(), "ns", name), ledger.ErrNotFound)
		require.ErrorIs(t, s.Create(t.Context(), ledgertest.Run("ns", name)), ledger.ErrInvalid)
		_, err = s.Get(t.Context(), name, "a")
		require.ErrorIs(t, err, ledger.ErrNotFound)
	}
	assert.Empty(t, a.seen)
}
