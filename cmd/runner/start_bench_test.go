// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkStart is the time from starting the process to its first answer: what
// a runner adds to a cold start.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "runner")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, "%s", out)
	for b.Loop() {
		address := freeAddress(b)
		cmd := exec.CommandContext(b.Context(), program, "--address", address, "--log-level", "error")
		cmd.Env = []string{"AOF_API_SERVER=https://127.0.0.1:1", "AOF_API_TOKEN=x", "AOF_NAMESPACE=team"}
		cmd.Stderr = os.Stderr
		require.NoError(b, cmd.Start())
		for !answers(b, "http://"+address+"/healthz") {
			time.Sleep(200 * time.Microsecond)
		}
		b.StopTimer()
		require.NoError(b, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		b.StartTimer()
	}
}

func answers(b *testing.B, url string) bool {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(b, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
