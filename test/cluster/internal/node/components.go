// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import "aof.dev/operator/test/cluster/internal/place"

// component is one long-running program of the node.
type component struct {
	name string // of the program and of its log
	args []string
	env  []string // beside the node's own
}

// roomy has a Go program that allocates much collect its garbage less often: the
// node has more memory than cores.
var roomy = []string{"GOGC=400"}

// base are the components that the API server needs, and itself.
func (c *config) base() []component {
	run, etcd := c.Place.Run, "http://127.0.0.1:2379"
	return []component{
		{name: "etcd", env: roomy, args: []string{
			"--data-dir", run("etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls", etcd, "--advertise-client-urls", etcd,
			"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
			"--initial-cluster=default=http://127.0.0.1:2380",
		}},
		{name: "registry", args: []string{
			"-listen", place.Registry, "-dir", c.Place.Kept("registry"),
			"-pause", c.Programs.Addons + "/pause", "-ca", "/etc/ssl/certs/ca-certificates.crt",
		}},
		{name: "containerd", args: []string{"--config", run("etc", "containerd.toml"), "--log-level=info"}},
		{name: "kube-apiserver", env: roomy, args: []string{
			"--etcd-servers", etcd, "--advertise-address", nodeIP, "--secure-port=6443", "--cert-dir", run("pki"),
			"--service-cluster-ip-range", serviceCIDR, "--authorization-mode=Node,RBAC",
			"--token-auth-file", run("tokens.csv"), "--allow-privileged=true",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file", run("sa.key"), "--service-account-signing-key-file", run("sa.key"),
			"--kubelet-preferred-address-types=InternalIP", "--requestheader-allowed-names=none",
			"--enable-aggregator-routing=true",
			// Who wrote what, for tests; in batches, so that no request waits for it.
			"--audit-policy-file", run("etc", "audit.yaml"), "--audit-log-path", c.Place.Audit(), "--audit-log-maxsize=100",
			"--audit-log-mode=batch", "--audit-log-batch-max-wait=1s",
		}},
	}
}

// clients are the components that need the API server.
func (c *config) clients() []component {
	run := c.Place.Run
	return []component{
		{name: "kube-controller-manager", args: []string{
			"--kubeconfig", run("kcm.kubeconfig"), "--service-account-private-key-file", run("sa.key"),
			"--root-ca-file", run("pki", "apiserver.crt"), "--use-service-account-credentials=true",
			"--leader-elect=false", "--bind-address=127.0.0.1",
			// Tests delete a dozen namespaces at once, of a hundred kinds each: 20 requests a second take minutes for that.
			"--kube-api-qps=300", "--kube-api-burst=600",
		}},
		{name: "kube-scheduler", args: []string{"--kubeconfig", run("scheduler.kubeconfig"), "--leader-elect=false", "--bind-address=127.0.0.1"}},
		{name: "kube-proxy", args: []string{
			"--kubeconfig", run("proxy.kubeconfig"), "--proxy-mode=nftables", "--cluster-cidr=10.244.0.0/16",
			"--hostname-override", nodeName, "--metrics-bind-address=127.0.0.1:10249",
			// The connection tracking limits belong to the machine: leave them alone.
			"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
		}},
		{name: "coredns", args: []string{"-conf", run("etc", "Corefile")}},
		{name: "kubelet", args: []string{
			"--kubeconfig", run("kubelet.kubeconfig"), "--config", run("etc", "kubelet.yaml"),
			"--hostname-override", nodeName, "--node-ip", nodeIP, "--root-dir", run("kubelet"), "--cert-dir", run("kubelet", "pki"),
		}},
	}
}
