// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/names"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// office is an API server that grants tokens for so long.
type office struct {
	*Keeper
	kube   *fake.Clientset
	clock  *clocktesting.FakePassiveClock
	grants time.Duration
	token  string
	asked  int
	ca     string
	caErr  error
}

func newOffice(t *testing.T, objects ...runtime.Object) *office {
	t.Helper()
	o := &office{kube: fake.NewClientset(objects...), clock: clocktesting.NewFakePassiveClock(noon), grants: Lifetime, token: "secret", ca: "certificates"}
	o.kube.PrependReactor("create", "serviceaccounts", func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "token" {
			return false, nil, nil
		}
		o.asked++
		request := a.(clientgotesting.CreateActionImpl).Object.(*authenticationv1.TokenRequest)
		assert.Equal(t, int64(86400), *request.Spec.ExpirationSeconds)
		request.Status = authenticationv1.TokenRequestStatus{Token: o.token, ExpirationTimestamp: metav1.NewTime(o.clock.Now().Add(o.grants))}
		return true, request, nil
	})
	o.Keeper = &Keeper{Kube: o.kube, Clock: o.clock, CA: func() ([]byte, error) { return []byte(o.ca), o.caErr }}
	return o
}

func account(uid types.UID) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "aof-runner", UID: uid}}
}

func (o *office) stored(t *testing.T) *corev1.Secret {
	t.Helper()
	s, err := o.kube.CoreV1().Secrets("team-a").Get(t.Context(), names.RunnerToken, metav1.GetOptions{})
	require.NoError(t, err)
	return s
}

func request(existing *corev1.Secret) Request {
	return Request{Account: account("1"), Secret: names.RunnerToken, Existing: existing, Labels: map[string]string{"a": "b"}}
}

// kept is an office with a token that was just made.
func kept(t *testing.T) (*office, *corev1.Secret) {
	t.Helper()
	o := newOffice(t)
	_, err := o.Ensure(t.Context(), request(nil))
	require.NoError(t, err)
	return o, o.stored(t)
}

func TestEnsureMakesASecret(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	rest, err := o.Ensure(t.Context(), request(nil))
	require.NoError(t, err)
	assert.Equal(t, 12*time.Hour, rest, "half of what was granted")
	s := o.stored(t)
	assert.Equal(t, map[string][]byte{
		names.EnvAPIServer: []byte("https://kubernetes.default.svc"), names.EnvAPICA: []byte("certificates"), names.EnvAPIToken: []byte("secret"),
	}, s.Data)
	assert.Equal(t, map[string]string{names.LabelManaged: "true", "a": "b"}, s.Labels)
}

func TestEnsureLeavesAGoodTokenAlone(t *testing.T) {
	t.Parallel()
	o, s := kept(t)
	o.kube.ClearActions()
	o.clock.SetTime(noon.Add(11 * time.Hour))
	rest, err := o.Ensure(t.Context(), request(s))
	require.NoError(t, err)
	assert.Equal(t, time.Hour, rest)
	assert.Empty(t, o.kube.Actions(), "nothing is asked and nothing written")
}

func TestEnsureRenews(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(o *office, r *Request){
		"when half of the time is over":     func(o *office, _ *Request) { o.clock.SetTime(noon.Add(12 * time.Hour)) },
		"for an account that was made anew": func(_ *office, r *Request) { r.Account = account("2") },
		"when certificates change":          func(o *office, _ *Request) { o.ca = "others" },
		"when the token is gone":            func(_ *office, r *Request) { delete(r.Existing.Data, names.EnvAPIToken) },
		"when the server is another":        func(_ *office, r *Request) { r.Existing.Data[names.EnvAPIServer] = []byte("https://evil") },
		"when the time is unreadable":       func(_ *office, r *Request) { r.Existing.Annotations[annotationRenew] = "x" },
		"when the time is out of all bounds": func(_ *office, r *Request) {
			r.Existing.Annotations[annotationRenew] = noon.Add(1000 * time.Hour).Format(time.RFC3339)
		},
		"when a label is missing": func(_ *office, r *Request) { delete(r.Existing.Labels, "a") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o, s := kept(t)
			s.Annotations["theirs"] = "stays"
			r := request(s.DeepCopy())
			change(o, &r)
			o.token = "renewed"
			rest, err := o.Ensure(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, 12*time.Hour, rest)
			after := o.stored(t)
			assert.Equal(t, "renewed", string(after.Data[names.EnvAPIToken]))
			assert.Equal(t, "stays", after.Annotations["theirs"])
			assert.Equal(t, 2, o.asked)

			r.Existing = after
			_, err = o.Ensure(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, 2, o.asked, "and then it is good")
		})
	}
}

func TestEnsureDoesNotRenewInALoop(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.grants = time.Second
	rest, err := o.Ensure(t.Context(), request(nil))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, rest)
}

func TestEnsureFails(t *testing.T) {
	t.Parallel()
	fail := func(verb, resource string) func(*office, *Request) {
		return func(o *office, _ *Request) {
			o.kube.PrependReactor(verb, resource, func(clientgotesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewInternalError(errors.New("induced"))
			})
		}
	}
	for what, change := range map[string]func(*office, *Request){
		"without certificates":     func(o *office, _ *Request) { o.caErr = errors.New("no file") },
		"when no token is granted": fail("create", "serviceaccounts"),
		"when an empty one is":     func(o *office, _ *Request) { o.token = "" },
		"when it can't be kept":    fail("create", "secrets"),
		"when it can't be renewed": func(o *office, r *Request) {
			r.Existing = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{names.LabelManaged: "true"}}}
			fail("update", "secrets")(o, r)
		},
		"over somebody else's Secret": func(_ *office, r *Request) { r.Existing = &corev1.Secret{} },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			r := request(nil)
			change(o, &r)
			_, err := o.Ensure(t.Context(), r)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret:", "no token in an error")
		})
	}
	_, err := newOffice(t).Ensure(t.Context(), request(&corev1.Secret{}))
	assert.ErrorIs(t, err, ErrNotOurs)
}

func TestCAOf(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	ca := CAOf(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAFile: file}})
	got, err := ca()
	require.NoError(t, err)
	assert.Equal(t, "one", string(got))
	require.NoError(t, os.WriteFile(file, []byte("two"), 0o600))
	got, err = ca()
	require.NoError(t, err)
	assert.Equal(t, "two", string(got), "they may change")

	got, err = CAOf(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: []byte("given")}})()
	require.NoError(t, err)
	assert.Equal(t, "given", string(got))
	_, err = CAOf(&rest.Config{})()
	assert.Error(t, err)
}
