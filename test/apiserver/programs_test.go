// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"aof.dev/operator/test/apiserver"
)

// program is one of the operator's own, running with its account's rights.
type program struct {
	cmd *exec.Cmd
	log string
}

// startProgram builds cmd/<name> and runs it with a token of the account. What it
// said is shown if the test fails.
func startProgram(tb testing.TB, s *apiserver.Server, name, account string, env ...string) *program {
	tb.Helper()
	dir := tb.TempDir()
	path := filepath.Join(dir, name)
	build := exec.CommandContext(tb.Context(), "go", "build", "-o", path, "./cmd/"+name)
	build.Dir = apiserver.Root()
	out, err := build.CombinedOutput()
	require.NoError(tb, err, "%s", out)

	p := &program{log: filepath.Join(dir, "log")}
	log, err := os.Create(p.log)
	require.NoError(tb, err)
	p.cmd = exec.CommandContext(tb.Context(), path, "-kubeconfig", kubeconfig(tb, s, account, dir))
	p.cmd.Env = append(append(os.Environ(), "SYSTEM_NAMESPACE="+system, "POD_NAME="+name, "PROFILING_PORT="+strconv.Itoa(freePort(tb)),
		"CONFIG_LOGGING_NAME=config-logging", "CONFIG_OBSERVABILITY_NAME=config-observability", "CONFIG_LEADERELECTION_NAME=config-leader-election"), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	require.NoError(tb, p.cmd.Start())
	tb.Cleanup(func() {
		p.stop()
		if tb.Failed() {
			said, _ := os.ReadFile(p.log)
			tb.Logf("%s said:\n%s", name, said[max(0, len(said)-8000):])
		}
	})
	return p
}

func (p *program) stop() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.cmd.Wait()
}

// kubeconfig is a file with a token of one of the operator's accounts.
func kubeconfig(tb testing.TB, s *apiserver.Server, account, dir string) string {
	tb.Helper()
	token, err := s.Kube(tb).CoreV1().ServiceAccounts(system).CreateToken(tb.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(tb, err)
	file, ca := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "ca.crt")
	require.NoError(tb, os.WriteFile(ca, s.Config.CAData, 0o600))
	require.NoError(tb, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: aof, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: process, user: {token: %q}}]
contexts: [{name: aof, context: {cluster: aof, user: process}}]
current-context: aof
`, s.Config.Host, ca, token.Status.Token), 0o600))
	return file
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
