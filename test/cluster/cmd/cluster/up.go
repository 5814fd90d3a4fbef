// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"aof.dev/operator/test/cluster/internal/build"
	"aof.dev/operator/test/cluster/internal/knative"
	"aof.dev/operator/test/cluster/internal/node"
	"aof.dev/operator/test/cluster/internal/place"
	"aof.dev/operator/test/cluster/internal/progress"
)

// kubernetesVersion is what the programs say they are; kube/go.mod pins what they are made of.
const kubernetesVersion = "v1.35.4"

// up makes the cluster stand: it leaves alone what is there and fits, and replaces what does not.
func up(ctx context.Context, p place.Place, bare bool) error {
	source, err := place.Source()
	if err != nil {
		return err
	}
	if err := preflight(ctx); err != nil {
		return err
	}
	unlock, err := lock(p)
	if err != nil {
		return err
	}
	defer unlock()
	out := progress.New(os.Stderr)
	programs, err := buildPrograms(ctx, p, source, out)
	if err != nil {
		return err
	}
	release, err := knative.Load(ctx, source)
	if err != nil {
		return fmt.Errorf("reading Knative's manifests: %w", err)
	}
	key := fmt.Sprintln(programs, release.Key())
	if bare {
		key = fmt.Sprintln(programs)
	}
	if node.Up(p) && stands(p) == key {
		return nil
	}
	if !bare {
		if err := release.Compile(ctx, p, out); err != nil {
			return err
		}
	}
	if err := out.Step("node ready", func() error { return node.Start(ctx, p, programs) }); err != nil {
		return err
	}
	if err := finish(ctx, p, release, bare, key, out); err != nil {
		return fmt.Errorf("%w\nthe node is left running to look at; 'make cluster-down' ends it", err)
	}
	out.Say("the cluster is ready. Use it with: make kubectl ARGS='get pods -A', or: eval \"$(make -s cluster-env)\"")
	return nil
}

// finish installs Knative and writes down what stands.
func finish(ctx context.Context, p place.Place, release *knative.Release, bare bool, key string, out *progress.Printer) error {
	if err := links(p); err != nil {
		return err
	}
	if !bare {
		if err := out.Step("images built and pushed", func() error { return release.Images(ctx, p, out) }); err != nil {
			return err
		}
		if err := release.Install(ctx, p, out); err != nil {
			return err
		}
	}
	return os.WriteFile(p.Run("stands"), []byte(key), 0o644)
}

func stands(p place.Place) string {
	b, err := os.ReadFile(p.Run("stands"))
	if err != nil {
		return ""
	}
	return string(b)
}

// links lays out the commands that act inside the node: each is this program under another name.
func links(p place.Place) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.Path(), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"kubectl", "ko", "in-cluster"} {
		link := filepath.Join(p.Path(), name)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(self, link); err != nil {
			return err
		}
	}
	return nil
}

// lock lets one caller at a time change the cluster.
func lock(p place.Place) (unlock func(), err error) {
	if err := os.MkdirAll(p.Kept(), 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.Bin(), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.Kept("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintln(os.Stderr, "waiting for another 'make cluster' or 'make cluster-down' to end")
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != nil {
			return nil, fmt.Errorf("waiting: %w", err)
		}
	}
	return func() { f.Close() }, nil
}

func kubeModule(source string) build.Module {
	v := "k8s.io/component-base/version"
	links := map[string]string{}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"} {
		links[name] = "kube"
	}
	return build.Module{
		Name: "kube", Dir: filepath.Join(source, "kube"), Packages: []string{"."}, Links: links,
		LDFlags: fmt.Sprintf("-X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=35 -X %[1]s.gitTreeState=clean", v, kubernetesVersion),
	}
}

func addonsModule(source string) build.Module {
	return build.Module{
		Name: "addons", Dir: filepath.Join(source, "addons"),
		Packages: []string{"./coredns", "./pause", "./registry", "github.com/google/ko"},
	}
}

func buildPrograms(ctx context.Context, p place.Place, source string, out *progress.Printer) (node.Programs, error) {
	kube, err := kubeModule(source).Build(ctx, p.Bin(), out)
	if err != nil {
		return node.Programs{}, err
	}
	addons, err := addonsModule(source).Build(ctx, p.Bin(), out)
	return node.Programs{Kube: kube, Addons: addons}, err
}
