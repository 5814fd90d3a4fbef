// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Init is process 1 of the node. It returns only when the node can't be started; otherwise it runs until it is killed.
// It says "ready" on file 3 as soon as the node takes pods.
func Init(run string) error {
	b, err := os.ReadFile(filepath.Join(run, "node.json"))
	if err != nil {
		return err
	}
	var c config
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	path := strings.Join([]string{c.Programs.Kube, c.Programs.Addons, os.Getenv("PATH")}, ":")
	if err := os.Setenv("PATH", path); err != nil {
		return err
	}
	for _, setup := range []func() error{c.mounts, network} {
		if err := setup(); err != nil {
			return err
		}
	}
	s := newSupervisor(c.Place)
	for _, comp := range c.base() {
		s.start(comp)
	}
	report := os.NewFile(3, "report")
	go func() {
		c.awaitAPIServer()
		for _, comp := range c.clients() {
			s.start(comp)
		}
		c.awaitNode()
		fmt.Fprintln(report, "ready")
		report.Close()
	}()
	return s.reap()
}

// mounts gives the node a private view of the file system, so that the machine sees none of its changes.
func (c *config) mounts() error {
	if err := syscall.Sethostname([]byte(nodeName)); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	run := c.Place.Run
	resolv, err := resolvConf()
	if err != nil {
		return err
	}
	overlay := fmt.Sprintf("lowerdir=/var/lib,upperdir=%s,workdir=%s", run("varlib", "upper"), run("varlib", "work"))
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE, ""}, // nothing goes back to the machine
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED, ""},  // mounts of pods spread inside the node
		{"proc", "/proc", "proc", 0, ""},
		{"tmpfs", "/run", "tmpfs", 0, "mode=755"},
		{"overlay", "/var/lib", "overlay", 0, overlay}, // the kubelet and CNI write to fixed places there
		{run("varlog"), "/var/log", "", syscall.MS_BIND, ""},
		{run("etc", "resolv.node"), resolv, "", syscall.MS_BIND, ""},
	} {
		if m.target == resolv {
			if err := touch(resolv); err != nil {
				return err
			}
		}
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s%s: %w", m.kind, m.target, err)
		}
	}
	return sysctls()
}

// resolvConf is the file that /etc/resolv.conf really is: often a link into /run.
func resolvConf() (string, error) {
	path, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if os.IsNotExist(err) {
		if path, err = os.Readlink("/etc/resolv.conf"); err == nil && !filepath.IsAbs(path) {
			path = filepath.Join("/etc", path)
		}
	}
	if err != nil {
		return "", fmt.Errorf("the machine has no /etc/resolv.conf to put the node's over: %w", err)
	}
	return path, nil
}

func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// sysctls shows the kubelet the settings it insists on. They belong to the whole machine, so they are not set: files
// with the wanted values are mounted over them.
func sysctls() error {
	for name, value := range map[string]string{
		"vm/overcommit_memory": "1", "vm/panic_on_oom": "0",
		"kernel/panic": "10", "kernel/panic_on_oops": "1",
		"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
	} {
		real, shown := filepath.Join("/proc/sys", name), filepath.Join("/run/sysctl", name)
		if _, err := os.Stat(real); os.IsNotExist(err) {
			continue // not in this kernel
		}
		if err := touch(shown); err != nil {
			return err
		}
		if err := os.WriteFile(shown, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(shown, real, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting over the setting %s: %w", name, err)
		}
	}
	return nil
}

// network makes lo and a bridge without ports. There is no default route and no link to the machine.
func network() error {
	for _, args := range []string{
		"link set lo up",
		"addr add " + dnsIP + "/32 dev lo",
		"link add node0 type bridge",
		"addr add " + nodeIP + "/24 dev node0",
		"link set node0 up",
		// Service addresses need some route before they are rewritten.
		"route add " + serviceCIDR + " dev node0 src " + nodeIP,
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
