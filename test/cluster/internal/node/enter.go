// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"aof.dev/operator/test/cluster/internal/place"
)

// ErrDown says that there is no node to enter.
var ErrDown = errors.New("the cluster is down: start it with 'make cluster'")

// pid is the process 1 of the running node, as the machine sees it.
func pid(p place.Place) (int, error) {
	b, err := os.ReadFile(p.Run("node.pid"))
	if err != nil {
		return 0, ErrDown
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || !isNode(n) {
		return 0, ErrDown
	}
	return n, nil
}

// isNode says whether a process is alive in a network of its own: a number may have been given to another process.
func isNode(pid int) bool {
	theirs, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return false
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil || ours == theirs {
		return false
	}
	args, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && strings.Contains(string(args), "\x00node\x00")
}

// Up says whether the node runs.
func Up(p place.Place) bool {
	_, err := pid(p)
	return err == nil
}

// Command prepares a command that runs inside the node, in the folder dir.
func Command(ctx context.Context, p place.Place, dir string, args ...string) (*exec.Cmd, error) {
	argv, env, err := entry(p, dir, args)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = env
	return cmd, nil
}

// Exec turns this process into a command inside the node, in the current folder.
func Exec(p place.Place, args ...string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	argv, env, err := entry(p, dir, args)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, argv, env)
}

func entry(p place.Place, dir string, args []string) (argv, env []string, err error) {
	id, err := pid(p)
	if err != nil {
		return nil, nil, err
	}
	env, err = environment(p)
	argv = []string{"nsenter", "--target", strconv.Itoa(id), "--net", "--mount", "--pid", "--uts", "--ipc", "--wdns=" + dir, "--", "env"}
	return append(argv, args...), env, err
}

// environment is the caller's, less its proxies, plus what kubectl, ko and the go command need inside the node.
func environment(p place.Place) ([]string, error) {
	var c config
	b, err := os.ReadFile(p.Run("node.json"))
	if err != nil {
		return nil, ErrDown
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, err
	}
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name != "PATH" && !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			env = append(env, kv)
		}
	}
	path := strings.ReplaceAll(":"+os.Getenv("PATH")+":", ":"+p.Path()+":", ":")
	env = append(env, Settings(p)...)
	return append(env,
		"PATH="+c.Programs.Kube+":"+c.Programs.Addons+strings.TrimSuffix(path, ":"),
		"GOPROXY=off", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0", "KOCACHE="+p.Kept("kocache"),
	), nil
}

// Settings are the variables that make kubectl and ko use this cluster.
func Settings(p place.Place) []string {
	return []string{
		"KUBECONFIG=" + p.Kubeconfig(),
		"KO_DOCKER_REPO=" + place.Registry,
		"KO_DEFAULTBASEIMAGE=" + place.Registry + "/static:latest",
		"KO_DEFAULTPLATFORMS=linux/amd64",
		"E2E_AUDIT_LOG=" + p.Audit(),
	}
}
