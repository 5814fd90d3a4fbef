// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

const (
	pollInterval = 100 * time.Millisecond
	timeout      = 90 * time.Second
)

// cluster is what every test talks to.
type cluster struct {
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
	http    *http.Client // with the credentials for the API server
}

var connect = sync.OnceValues(func() (*cluster, error) {
	path := os.Getenv("E2E_KUBECONFIG")
	if path == "" {
		path = os.Getenv("KUBECONFIG")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("%w (run the suite with 'make e2e')", err)
	}
	cfg.QPS, cfg.Burst = 100, 200
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	found, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return &cluster{kube, dyn, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found)), client}, nil
})

// env is a test's own namespace in the cluster.
type env struct {
	*cluster
	t         *testing.T
	namespace string
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// newEnv gives a test its own namespace, and shows what is in it if the test fails.
func newEnv(t *testing.T) *env {
	t.Helper()
	e := newNamespace(t)
	t.Cleanup(e.remove)
	return e
}

// newNamespace makes a namespace that somebody else removes.
func newNamespace(t *testing.T) *env {
	t.Helper()
	c, err := connect()
	require.NoError(t, err)
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	e := &env{c, t, fmt.Sprintf("e2e-%.40s-%.5s", name, strings.ToLower(rand.Text()))}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: e.namespace}}
	_, err = c.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	require.NoError(t, err)
	e.until("the namespace has its service account", func(ctx context.Context) (bool, error) {
		_, err := c.kube.CoreV1().ServiceAccounts(e.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
	return e
}

// remove deletes the namespace; if the test has failed it shows what is in it first, and may keep it.
func (e *env) remove() {
	if e.t.Failed() {
		e.dump()
		if os.Getenv("E2E_KEEP") != "" {
			return
		}
	}
	_ = e.kube.CoreV1().Namespaces().Delete(context.Background(), e.namespace, metav1.DeleteOptions{})
}

// on is the same namespace in the hands of another test.
func (e *env) on(t *testing.T) *env { return &env{e.cluster, t, e.namespace} }

// until waits for a condition, and fails the test if it does not come in time.
func (e *env) until(what string, condition func(context.Context) (bool, error)) {
	e.t.Helper()
	e.within(timeout, what, condition)
}

// within is until with a time of its own, for what may take longer.
func (e *env) within(limit time.Duration, what string, condition func(context.Context) (bool, error)) {
	e.t.Helper()
	err := wait.PollUntilContextTimeout(e.t.Context(), pollInterval, limit, true, condition)
	require.NoError(e.t, err, "waiting until %s", what)
}

// resource finds the client for an object's kind, in the test's namespace.
func (e *env) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	e.t.Helper()
	gvk := o.GroupVersionKind()
	m, err := e.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	require.NoError(e.t, err)
	return e.dynamic.Resource(m.Resource).Namespace(e.namespace)
}

// apply applies the documents of a manifest and returns the objects.
func (e *env) apply(manifest string) []*unstructured.Unstructured {
	e.t.Helper()
	var applied []*unstructured.Unstructured
	for _, doc := range strings.Split(manifest, "\n---\n") {
		o := &unstructured.Unstructured{}
		require.NoError(e.t, yaml.Unmarshal([]byte(doc), &o.Object))
		got, err := e.resource(o).Apply(e.t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "e2e", Force: true})
		require.NoError(e.t, err, "applying %s %s", o.GetKind(), o.GetName())
		applied = append(applied, got)
	}
	return applied
}

// applyReady applies a manifest and waits until all its objects that have a condition Ready or Available are.
func (e *env) applyReady(manifest string) {
	e.t.Helper()
	for _, o := range e.apply(manifest) {
		if o.GetAPIVersion() == "v1" {
			continue
		}
		e.until(o.GetKind()+" "+o.GetName()+" is ready", func(ctx context.Context) (bool, error) {
			now, err := e.resource(o).Get(ctx, o.GetName(), metav1.GetOptions{})
			return err == nil && ready(now), nil
		})
	}
}

func ready(o *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if (m["type"] == "Ready" || m["type"] == "Available") && m["status"] == "True" {
			return seen == o.GetGeneration()
		}
	}
	return false
}

// koTag builds the image of another module's package under its last name in the repository's folder conformance.
func (e *env) koTag(pkg string) {
	e.t.Helper()
	cmd := exec.Command("ko", "build", "-B", "--sbom=none", "--tags=latest", pkg)
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+os.Getenv("KO_DOCKER_REPO")+"/conformance")
	out, err := cmd.CombinedOutput()
	require.NoError(e.t, err, "%s", out)
}

var built sync.Map // of func() (string, error), by folder and package

// image builds the image of a Go package of this module and returns its reference. It is built once per run.
func (e *env) image(pkg string) string {
	e.t.Helper()
	return e.imageIn(".", pkg)
}

// imageIn is image for a package of the module in a folder.
func (e *env) imageIn(dir, pkg string) string {
	e.t.Helper()
	build, _ := built.LoadOrStore(dir+" "+pkg, sync.OnceValues(func() (string, error) {
		var stderr bytes.Buffer
		cmd := exec.Command("ko", "build", "-P", "--sbom=none", pkg)
		cmd.Dir, cmd.Stderr = dir, &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("ko build %s: %w\n%s", pkg, err, stderr.String())
		}
		return strings.TrimSpace(string(out)), nil
	}))
	ref, err := build.(func() (string, error))()
	require.NoError(e.t, err)
	return ref
}
