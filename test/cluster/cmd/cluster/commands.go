// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"aof.dev/operator/test/cluster/internal/node"
	"aof.dev/operator/test/cluster/internal/place"
	"aof.dev/operator/test/cluster/internal/progress"
)

func down(p place.Place) error {
	unlock, err := lock(p)
	if err != nil {
		return err
	}
	defer unlock()
	return node.Stop(p)
}

// programs makes what an API server for tests needs.
func programs(ctx context.Context, p place.Place) error {
	source, err := place.Source()
	if err != nil {
		return err
	}
	module := kubeModule(source)
	if !module.Built(p.Bin()) { // else nobody has to wait for a cluster that is starting
		unlock, err := lock(p)
		if err != nil {
			return err
		}
		defer unlock()
	}
	dir, err := module.Build(ctx, p.Bin(), progress.New(os.Stderr))
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}

// env prints lines for a shell's eval.
func env(p place.Place) error {
	if !node.Up(p) {
		return node.ErrDown
	}
	for _, setting := range node.Settings(p) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Printf("export %s=%q\n", name, value)
	}
	fmt.Printf("export PATH=%q:\"$PATH\"\n", p.Path())
	fmt.Println("# kubectl and ko now act inside the node; so does any command after in-cluster:")
	fmt.Println("#   eval \"$(make -s cluster-env)\"; kubectl get ksvc -A; in-cluster curl http://hello.default.svc.cluster.local")
	return nil
}
