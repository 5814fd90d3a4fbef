// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/admissionregistration/v1/mutatingwebhookconfiguration/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/admissionregistration/v1/validatingwebhookconfiguration/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	_ "knative.dev/pkg/injection/clients/namespacedkube/informers/core/v1/secret/fake"
	"knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"
	_ "knative.dev/pkg/system/testing"
	"knative.dev/pkg/webhook"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

var constructors = []injection.ControllerConstructor{newDefaulting, newValidation, newStamping, newRunValidation, newConfigValidation}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, _ := rtesting.SetupFakeContext(t)
	return webhook.WithOptions(ctx, webhook.Options{ServiceName: "aof-webhook", SecretName: certificate})
}

func TestEveryKindIsAdmitted(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	require.NoError(t, aofv1.AddToScheme(scheme))
	var want, have []string
	for name, of := range scheme.KnownTypes(aofv1.SchemeGroupVersion) {
		if of.PkgPath() == "aof.dev/operator/pkg/apis/aof/v1" && !strings.HasSuffix(name, "List") {
			want = append(want, name)
		}
	}
	for _, some := range []kinds{definitions(), runs()} {
		for gvk := range some {
			have = append(have, gvk.Kind)
		}
	}
	assert.ElementsMatch(t, want, have)
}

// Controllers with one name share a lease, and all but one wait for ever.
func TestControllersDoNotShareALease(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	seen := map[string]bool{}
	paths := map[string]bool{}
	for _, construct := range constructors {
		impl := construct(ctx, configmap.NewStaticWatcher())
		assert.False(t, seen[impl.Name], "two are called %s", impl.Name)
		seen[impl.Name] = true
		assert.Implements(t, (*reconciler.LeaderAware)(nil), impl.Reconciler)
		path := admitter(t, impl).Path()
		assert.False(t, paths[path], "two serve %s", path)
		paths[path] = true
	}
}

func admitter(t *testing.T, impl *controller.Impl) webhook.AdmissionController {
	t.Helper()
	out, ok := impl.Reconciler.(webhook.AdmissionController)
	require.True(t, ok)
	return out
}

// What the installation's own examples say is admitted as it stands: no field of
// it is unknown, and what comes out of defaulting is valid.
func TestTheExamplesAreAdmitted(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	defaulting, validation := admitter(t, newDefaulting(ctx, nil)), admitter(t, newValidation(ctx, nil))
	files, err := filepath.Glob("../../examples/*/*.yaml")
	require.NoError(t, err)
	var n int
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			object := &unstructured.Unstructured{}
			require.NoError(t, yaml.Unmarshal([]byte(doc), &object.Object))
			if object.GetAPIVersion() != aofv1.SchemeGroupVersion.String() {
				continue
			}
			n++
			request := requestFor(t, object)
			response := defaulting.Admit(ctx, request)
			require.True(t, response.Allowed, "%s: %s %s: %v", file, object.GetKind(), object.GetName(), response.Result)
			response = validation.Admit(ctx, request)
			assert.True(t, response.Allowed, "%s: %s %s: %v", file, object.GetKind(), object.GetName(), response.Result)
		}
	}
	assert.Greater(t, n, 5)
	assert.Empty(t, kubeclient.Get(ctx).Actions(), "nobody is asked about references within a namespace")
}

func requestFor(t *testing.T, object *unstructured.Unstructured) *admissionv1.AdmissionRequest {
	t.Helper()
	raw, err := object.MarshalJSON()
	require.NoError(t, err)
	gvk := object.GroupVersionKind()
	return &admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Namespace: object.GetNamespace(), Name: object.GetName(),
		Kind:     metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
		Resource: metav1.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: strings.ToLower(gvk.Kind) + "s"},
		UserInfo: authenticationv1.UserInfo{Username: "ann"}, Object: runtime.RawExtension{Raw: raw},
	}
}

func TestAFieldThatIsNotKnownIsNotLost(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	object := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(`{apiVersion: aof.dev/v1, kind: Agent, metadata: {name: a, namespace: n}, spec: {model: m, instructions: i, newer: true}}`), &object.Object))
	response := admitter(t, newDefaulting(ctx, nil)).Admit(ctx, requestFor(t, object))
	require.False(t, response.Allowed)
	assert.Contains(t, response.Result.Message, `unknown field "newer"`)
}
