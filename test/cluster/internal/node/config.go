// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node runs one Kubernetes node in namespaces of its own: network, mounts, processes, host name and IPC.
// Its process 1 is this program again (see Init); when that one is killed the kernel ends everything in the node.
package node

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"aof.dev/operator/test/cluster/internal/place"
)

const (
	nodeName    = "node"
	nodeIP      = "10.77.0.1"
	dnsIP       = "169.254.20.10"
	serviceCIDR = "10.96.0.0/16"
	apiServer   = "https://" + nodeIP + ":6443"
)

// Programs are the folders where the node finds what it runs.
type Programs struct {
	Kube   string // etcd, kube-*, kubelet, kubectl
	Addons string // coredns, ko, pause, registry
}

// config is what process 1 of the node is told, in run/node.json.
type config struct {
	Place    place.Place
	Programs Programs
	Token    string // of the administrator
}

//go:embed etc
var etc embed.FS

// credential is one line of the API server's token file and one kubeconfig.
type credential struct{ file, user, group string }

var credentials = []credential{
	{"admin", "admin", "system:masters"},
	{"kcm", "system:kube-controller-manager", ""},
	{"scheduler", "system:kube-scheduler", ""},
	{"proxy", "system:kube-proxy", ""},
	{"kubelet", "system:node:" + nodeName, "system:nodes"},
}

// write lays out the run folder of a new node.
func (c *config) write() error {
	run := c.Place.Run()
	for _, dir := range []string{"etc/cni", "etc/certs.d/" + place.Registry, "logs", "varlog", "varlib/upper", "varlib/work", "kubelet"} {
		if err := os.MkdirAll(filepath.Join(run, dir), 0o755); err != nil {
			return err
		}
	}
	for file, target := range map[string]string{
		"Corefile": "etc/Corefile", "10-node.conflist": "etc/cni/10-node.conflist", "resolv.node": "etc/resolv.node",
		"resolv.pod": "etc/resolv.pod", "hosts.toml": "etc/certs.d/" + place.Registry + "/hosts.toml",
		"containerd.toml": "etc/containerd.toml", "kubelet.yaml": "etc/kubelet.yaml",
		"audit.yaml": "etc/audit.yaml",
	} {
		if err := c.render(file, filepath.Join(run, target)); err != nil {
			return err
		}
	}
	if err := writeKey(filepath.Join(run, "sa.key")); err != nil {
		return err
	}
	if err := c.writeCredentials(); err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(run, "node.json"), b, 0o600)
}

func (c *config) render(file, target string) error {
	t, err := template.ParseFS(etc, "etc/"+file)
	if err != nil {
		return err
	}
	var b strings.Builder
	values := map[string]string{"Run": c.Place.Run(), "Registry": place.Registry, "Cgroup": c.Place.Cgroup()}
	if err := t.Execute(&b, values); err != nil {
		return err
	}
	return os.WriteFile(target, []byte(b.String()), 0o644)
}

// writeKey makes the key that signs service account tokens.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

func (c *config) writeCredentials() error {
	var tokens strings.Builder
	for _, cred := range credentials {
		raw := make([]byte, 16)
		_, _ = rand.Read(raw) // never fails
		token := hex.EncodeToString(raw)
		if cred.file == "admin" {
			c.Token = token
		}
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, cred.user, cred.file, cred.group)
		kubeconfig := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: aof, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: %[3]s, user: {token: %q}}]
contexts: [{name: aof, context: {cluster: aof, user: %[3]s}}]
current-context: aof
`, apiServer, c.Place.Run("pki", "apiserver.crt"), cred.file, token)
		if err := os.WriteFile(c.Place.Run(cred.file+".kubeconfig"), []byte(kubeconfig), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(c.Place.Run("tokens.csv"), []byte(tokens.String()), 0o600)
}
