// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outside is an address for documentation: nobody has it, and no packet to it may leave.
const outside = "192.0.2.1:80"

// TestNothingLeavesTheMachine holds for the project's own cluster only.
func TestNothingLeavesTheMachine(t *testing.T) {
	if os.Getenv("E2E_KUBECONFIG") != "" {
		t.Skip("the network of this cluster is not ours to judge")
	}
	t.Parallel()

	t.Run("node", func(t *testing.T) {
		routes, err := os.ReadFile("/proc/net/route")
		require.NoError(t, err)
		for _, line := range strings.Split(string(routes), "\n")[1:] {
			if f := strings.Fields(line); len(f) > 1 {
				assert.NotEqual(t, "00000000", f[1], "a default route: %s", line)
			}
		}
		links, err := net.Interfaces()
		require.NoError(t, err)
		for _, l := range links {
			known := l.Name == "lo" || l.Name == "node0" || strings.HasPrefix(l.Name, "veth")
			assert.True(t, known, "the interface %s may lead out", l.Name)
		}
		_, err = net.DialTimeout("tcp", outside, 5*time.Second)
		assert.ErrorContains(t, err, "network is unreachable")
	})

	t.Run("pod", func(t *testing.T) {
		e := newEnv(t)
		p := e.startProbe()
		assert.Contains(t, p.get("dial", "to", outside), "unreachable")
		assert.Contains(t, p.get("resolve", "host", "example.com"), "no such host")
		assert.Equal(t, "<nil>", p.get("resolve", "host", "kubernetes.default.svc.cluster.local"), "names inside resolve")
	})
}
