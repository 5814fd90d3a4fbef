// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// needs are the programs of the machine that the node runs, with the Debian packages that have them.
var needs = []struct{ path, deb string }{
	{"/usr/bin/containerd", "containerd"},
	{"/usr/sbin/runc", "runc"},
	{"/usr/lib/cni/ptp", "containernetworking-plugins"},
	{"/usr/sbin/nft", "nftables"},
	{"/sbin/ip", "iproute2"},
	{"/usr/bin/nsenter", "util-linux"},
	{"/etc/ssl/certs/ca-certificates.crt", "ca-certificates"},
}

// preflight says clearly what is missing, and installs the Debian packages that are.
func preflight(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return errors.New("the test cluster runs on Linux; elsewhere use any cluster with Knative: E2E_KUBECONFIG=… KO_DOCKER_REPO=… make e2e")
	}
	if os.Geteuid() != 0 {
		return errors.New("the test cluster needs root, to make namespaces, mounts and control groups of its own: run it with sudo, " +
			"or use any cluster with Knative: E2E_KUBECONFIG=… KO_DOCKER_REPO=… make e2e")
	}
	packages := missing()
	if len(packages) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install these, by their Debian names: %s", strings.Join(packages, " "))
	}
	fmt.Fprintln(os.Stderr, "installing Debian packages:", strings.Join(packages, " "))
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-qq", "-y", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
		}
	}
	if left := missing(); len(left) > 0 {
		return fmt.Errorf("still missing after apt-get install: %s", strings.Join(left, " "))
	}
	return nil
}

func missing() []string {
	var packages []string
	for _, n := range needs {
		if _, err := os.Stat(n.path); err != nil {
			packages = append(packages, n.deb)
		}
	}
	return packages
}
