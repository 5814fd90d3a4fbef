// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// own is the name of the cluster that this test starts and stops beside any other.
const own = "leaves-nothing"

// sysctls are the machine's settings that a kubelet or a kube-proxy would change.
var sysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
	"kernel/keys/root_maxbytes", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max",
}

// TestDownLeavesNothing compares the machine before a cluster starts with the machine after it was stopped.
func TestDownLeavesNothing(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "cluster")
	run(t, "go", "build", "-buildvcs=false", "-trimpath", "-o", bin, "./cmd/cluster")
	t.Setenv("AOF_CLUSTER", own)
	run(t, bin, "down")
	before := machine(t)
	run(t, bin, "up", "-bare")
	if same := slices.Equal(before["processes"], machine(t)["processes"]); same {
		t.Error("this test sees no process of a running cluster, so it proves nothing")
	}
	run(t, bin, "in", "kubectl", "run", "pod", "--image=10.77.0.1:5000/pause:1")
	run(t, bin, "in", "kubectl", "wait", "--for=condition=Ready", "pod/pod", "--timeout=90s")
	run(t, bin, "down")
	run(t, bin, "down") // once more does no harm
	for what, after := range machine(t) {
		if added := minus(after, before[what]); len(added) > 0 {
			t.Errorf("%s left behind or changed:\n%s", what, strings.Join(added, "\n"))
		}
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// machine lists what a cluster could leave behind. What other clusters of this machine own is left out.
func machine(t *testing.T) map[string][]string {
	t.Helper()
	m := map[string][]string{}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	m["mounts"] = strings.Split(string(mounts), "\n")
	m["interfaces"], _ = filepath.Glob("/sys/class/net/*")
	m["named network namespaces"], _ = filepath.Glob("/run/netns/*")
	m["system files"] = append(glob("/etc/*"), append(glob("/etc/cni/*"), append(glob("/var/lib/*"), glob("/run/*")...)...)...)
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, own) {
			m["control groups"] = append(m["control groups"], path)
		}
		return nil
	})
	for _, name := range sysctls {
		if value, err := os.ReadFile("/proc/sys/" + name); err == nil {
			m["settings"] = append(m["settings"], name+" = "+strings.TrimSpace(string(value)))
		}
	}
	for _, proc := range glob("/proc/[0-9]*") {
		// Everything of the node has the cluster's folder or its control groups somewhere.
		cmdline, _ := os.ReadFile(proc + "/cmdline")
		groups, _ := os.ReadFile(proc + "/cgroup")
		if strings.Contains(string(cmdline), "clusters/"+own+"/") || strings.Contains(string(groups), "/aof-cluster-"+own) {
			m["processes"] = append(m["processes"], proc+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return m
}

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // the patterns are constants
	return found
}
