// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	nettest "knative.dev/networking/test"
	"knative.dev/networking/test/conformance/ingress"
	pkgtest "knative.dev/pkg/test"
)

const conformanceImages = "knative.dev/networking/test/test_images/"

// TestIngressConformance holds the test cluster's own ingress to Knative's conformance suite, all of it: stable, beta
// and alpha features. Upstream's suite insists on one namespace, whose name is fixed.
func TestIngressConformance(t *testing.T) {
	if os.Getenv("E2E_KUBECONFIG") != "" {
		t.Skip("the ingress of this cluster is not ours to judge")
	}
	e := newEnv(t)
	for _, name := range []string{"grpc-ping", "httpproxy", "retry", "runtime", "timeout", "wsserver"} {
		e.koTag(conformanceImages + name)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: nettest.ServingNamespace}}
	_, err := e.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	if !errors.IsAlreadyExists(err) {
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		_ = e.kube.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{})
	})
	pkgtest.Flags.Kubeconfig = os.Getenv("KUBECONFIG")
	pkgtest.Flags.DockerRepo = os.Getenv("KO_DOCKER_REPO") + "/conformance"
	pkgtest.Flags.ImageTemplate = "{{.Repository}}/{{.Name}}:{{.Tag}}"
	pkgtest.Flags.Tag = "latest"
	pkgtest.Flags.IngressEndpoint = "10.77.0.1"
	nettest.NetworkingFlags.IngressClass = "kingress.ingress.networking.knative.dev"
	nettest.NetworkingFlags.EnableBetaFeatures = true
	nettest.NetworkingFlags.EnableAlphaFeatures = true
	ingress.RunConformance(t)
}
