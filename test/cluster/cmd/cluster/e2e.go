// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"aof.dev/operator/test/cluster/internal/build"
	"aof.dev/operator/test/cluster/internal/place"
	"aof.dev/operator/test/cluster/internal/progress"
)

// operator are the commands whose images config/core names, what the suite runs beside them, and
// kubectl aof.
var operator = []string{"./cmd/controller", "./cmd/webhook", "./cmd/adapter", "./cmd/runner", "./test/fake/slack/serve", "./cmd/aof"}

// e2e runs the end-to-end suite: on the test cluster, which it starts if need be, or on that of E2E_KUBECONFIG.
func e2e(ctx context.Context, p place.Place, flags []string) error {
	source, err := place.Source()
	if err != nil {
		return err
	}
	suite := filepath.Join(source, "..", "e2e")
	args := []string{"test", "-trimpath", "-tags", "e2e", "-count=1", "-v", "-timeout=30m", "-parallel=4"}
	env := build.Env()
	if os.Getenv("E2E_KUBECONFIG") != "" {
		ko, err := outsideKo(ctx, p, source)
		if err != nil {
			return err
		}
		env = append(env, "PATH="+ko+":"+os.Getenv("PATH"))
	} else {
		// Before the cluster starts: inside the node nothing can be downloaded, and ko only links what is compiled.
		out := progress.New(os.Stderr)
		err := out.Step("compiled the suite's images", func() error {
			if err := build.Compile(ctx, suite, out, "./images/...", "tool"); err != nil {
				return err
			}
			return build.Compile(ctx, filepath.Join(source, "..", ".."), out, operator...)
		})
		if err != nil {
			return err
		}
		if err := up(ctx, p, false); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		args = append(args, "-exec", self+" in")
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, flags...), "./...")...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = suite, env, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the suite: %w (E2E_KEEP=1 keeps the namespace of a failed test)", err)
	}
	return nil
}

// outsideKo builds ko for a cluster that is not ours and returns its folder.
func outsideKo(ctx context.Context, p place.Place, source string) (string, error) {
	if os.Getenv("KO_DOCKER_REPO") == "" {
		return "", errors.New("with E2E_KUBECONFIG, set KO_DOCKER_REPO to a registry that the cluster can pull from (kind.local for kind)")
	}
	if err := os.MkdirAll(p.Bin(), 0o755); err != nil {
		return "", err
	}
	return addonsModule(source).Build(ctx, p.Bin(), progress.New(os.Stderr))
}
