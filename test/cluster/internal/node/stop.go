// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"aof.dev/operator/test/cluster/internal/place"
)

// stopTimeout bounds how long the kernel may take to end the node's processes.
const stopTimeout = 30 * time.Second

// Stop ends the node and removes all of it. It is safe to call at any time and any number of times.
// Mounts, interfaces and namespaces go with the processes; control groups and files are removed here.
func Stop(p place.Place) error {
	if id, err := pid(p); err == nil {
		if err := syscall.Kill(id, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the node (process %d): %w", id, err)
		}
		if !within(stopTimeout, func() bool { return syscall.Kill(id, 0) != nil || !isNode(id) }) {
			return fmt.Errorf("process %d of the node does not end", id)
		}
	}
	var left []string
	if !within(stopTimeout, func() bool { left = removeCgroups(p.Cgroup()); return len(left) == 0 }) {
		return fmt.Errorf("these control groups can't be removed: %s", strings.Join(left, " "))
	}
	if !within(stopTimeout, func() bool { return os.RemoveAll(p.Run()) == nil }) {
		return fmt.Errorf("%s can't be removed: is something mounted below it?", p.Run())
	}
	return nil
}

func within(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); !done(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// cgroupParents are the roots below which control groups are made: one per controller, or the one of version 2.
func cgroupParents() ([]string, error) {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return []string{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var parents []string
	for _, e := range entries {
		if e.IsDir() { // links like cpuacct → cpu,cpuacct are not folders
			parents = append(parents, filepath.Join(root, e.Name()))
		}
	}
	return parents, nil
}

// makeCgroups makes the group of the node's pods; the kubelet wants it to exist in every hierarchy.
func makeCgroups(name string) error {
	parents, err := cgroupParents()
	if err != nil {
		return err
	}
	for _, parent := range parents {
		group := filepath.Join(parent, name)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return err
		}
		// A new cpuset may use no processor and no memory until it is told to.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			all, err := os.ReadFile(filepath.Join(parent, file))
			if err != nil || len(strings.TrimSpace(string(all))) == 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(group, file), all, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroups removes the groups bottom up and returns those that could not be: their processes are still ending.
func removeCgroups(name string) []string {
	parents, err := cgroupParents()
	if err != nil {
		return []string{err.Error()}
	}
	var left []string
	for _, parent := range parents {
		var dirs []string
		_ = filepath.WalkDir(filepath.Join(parent, name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := os.Remove(dirs[i]); err != nil && !os.IsNotExist(err) {
				left = append(left, dirs[i])
			}
		}
	}
	return left
}
