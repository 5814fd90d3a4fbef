// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	aofclient "aof.dev/operator/pkg/client/clientset/versioned"
)

// As is the configuration of a user. He has the rights that role bindings give
// him; of groups the server adds none but system:authenticated.
func (s *Server) As(user string, groups ...string) *rest.Config {
	config := rest.CopyConfig(s.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append([]string{"system:authenticated"}, groups...)}
	return config
}

// ServiceAccount is the name of a ServiceAccount as a user.
func ServiceAccount(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// Kube is the administrator's client of Kubernetes' own kinds.
func (s *Server) Kube(tb testing.TB) kubernetes.Interface {
	tb.Helper()
	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// AOF is the administrator's client of the operator's kinds.
func (s *Server) AOF(tb testing.TB) aofclient.Interface {
	tb.Helper()
	client, err := aofclient.NewForConfig(s.Config)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

var namespaces atomic.Int64

// Namespace makes a namespace of the test's own. Nothing removes what is in it
// before the server stops: there is no controller for that.
func (s *Server) Namespace(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	s.MakeNamespace(tb, name)
	return name
}

// MakeNamespace makes a namespace of that name, if there is none.
func (s *Server) MakeNamespace(tb testing.TB, name string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := s.Kube(tb).CoreV1().RESTClient().Post().Resource("namespaces").Body(object).Do(ctx).Error(); err != nil {
		if _, getErr := s.Kube(tb).CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); getErr != nil {
			tb.Fatal(err)
		}
	}
}

// Kubectl runs kubectl as the administrator and gives what it prints to stdout.
// The error holds what it prints to stderr.
func (s *Server) Kubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program("kubectl"), append([]string{"--kubeconfig", s.Kubeconfig, "--cache-dir", s.path("cache")}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %v: %w: %s", args, err, complaints.String())
	}
	return out.String(), nil
}

// installKinds applies the CustomResourceDefinitions of config/core and waits
// until they are served.
func (s *Server) installKinds(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(Root(), "config", "core", "300-*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no config/core/300-*.yaml below %s: %w", Root(), os.ErrNotExist)
	}
	apply := []string{"apply", "--server-side", "--validate=strict"}
	wait := []string{"wait", "--for=condition=Established", "--timeout=30s"}
	for _, file := range files {
		apply, wait = append(apply, "-f", file), append(wait, "-f", file)
	}
	if _, err := s.Kubectl(ctx, nil, apply...); err != nil {
		return err
	}
	_, err = s.Kubectl(ctx, nil, wait...)
	return err
}
