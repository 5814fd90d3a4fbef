// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package place knows where everything of the test cluster is kept.
package place

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Registry is the address of the cluster's own image registry, as seen from inside the node.
const Registry = "10.77.0.1:5000"

// Place is the set of folders of one cluster. Everything that is written is below Cache.
type Place struct {
	Name  string // of the cluster: several can run side by side
	Cache string // programs, shared by all clusters of this user
	State string // this cluster's: what is pushed, what runs
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// New finds the place of the cluster that AOF_CLUSTER names ("default" if it names none).
func New() (Place, error) {
	name := os.Getenv("AOF_CLUSTER")
	if name == "" {
		name = "default"
	}
	if !validName.MatchString(name) {
		return Place{}, fmt.Errorf("AOF_CLUSTER=%q: want a short name of lower-case letters, digits and dashes", name)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return Place{}, fmt.Errorf("finding the user's cache folder: %w", err)
	}
	cache := filepath.Join(dir, "aof", "cluster")
	return Place{Name: name, Cache: cache, State: filepath.Join(cache, "clusters", name)}, nil
}

// Bin is where the programs are kept, one folder per build.
func (p Place) Bin() string { return filepath.Join(p.Cache, "bin") }

// Path is the folder of commands that act inside the node; it is meant for PATH.
func (p Place) Path() string { return filepath.Join(p.State, "path") }

// Run is what lives only as long as the node does.
func (p Place) Run(elem ...string) string {
	return filepath.Join(append([]string{p.State, "run"}, elem...)...)
}

// Kept is what stays when the node goes down: images and the manifests that name them.
func (p Place) Kept(elem ...string) string {
	return filepath.Join(append([]string{p.State, "kept"}, elem...)...)
}

// Log is the log file of one part of the cluster.
func (p Place) Log(name string) string { return p.Run("logs", name+".log") }

// Audit is where the API server notes who wrote what.
func (p Place) Audit() string { return p.Log("audit") }

// Kubeconfig is the administrator's kubeconfig. Its server is reachable only from inside the node.
func (p Place) Kubeconfig() string { return p.Run("admin.kubeconfig") }

// Cgroup is the name of the control group that holds all pods of this cluster.
func (p Place) Cgroup() string { return "aof-cluster-" + p.Name }

// Source finds the folder test/cluster of the checkout that the caller stands in.
func Source() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the current folder: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		source := filepath.Join(dir, "test", "cluster")
		if _, err := os.Stat(filepath.Join(source, "kube", "go.mod")); err == nil {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no test/cluster above the current folder: run this inside a checkout of the operator")
		}
	}
}
