// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package build makes the cluster's programs out of Go modules, once per set of pins.
package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"aof.dev/operator/test/cluster/internal/progress"
)

// Module is a folder with a go.mod of its own whose programs are built together.
type Module struct {
	Name     string   // names the result's folder
	Dir      string   // of the go.mod
	Packages []string // main packages
	LDFlags  string
	Links    map[string]string // further names for a program: link → program
}

// Key is a hash of all that the programs of the module are made of.
func (m Module) Key() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), m.Packages, m.LDFlags)
	if err := HashDir(h, m.Dir); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6]), nil
}

// HashDir adds the names and contents of all files below dir to h.
func HashDir(h io.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintln(h, name, len(content))
		_, _ = h.Write(content)
		return err
	})
}

// Built says whether the module's programs are below bin.
func (m Module) Built(bin string) bool {
	key, err := m.Key()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(bin, m.Name+"-"+key))
	return err == nil
}

// Build returns the folder of the module's programs below bin, building them if they are not there.
func (m Module) Build(ctx context.Context, bin string, p *progress.Printer) (string, error) {
	key, err := m.Key()
	if err != nil {
		return "", fmt.Errorf("hashing %s: %w", m.Dir, err)
	}
	dir := filepath.Join(bin, m.Name+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	p.Say("building %s from Go modules: minutes when the Go caches are cold, then seconds", m.Name)
	tmp, err := os.MkdirTemp(bin, m.Name+"-building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	args := []string{"build", "-trimpath", "-v", "-ldflags", strings.TrimSpace("-s -w " + m.LDFlags), "-o", tmp + "/"}
	err = p.Step("built "+m.Name, func() error {
		return Go(ctx, m.Dir, p.Counter(m.Name+" packages", 20*time.Second), append(args, m.Packages...)...)
	})
	if err != nil {
		return "", err
	}
	for link, program := range m.Links {
		if err := os.Symlink(program, filepath.Join(tmp, link)); err != nil {
			return "", err
		}
	}
	return dir, os.Rename(tmp, dir)
}

// Compile fills the Go build cache with all that the packages need, without linking anything.
func Compile(ctx context.Context, dir string, p *progress.Printer, packages ...string) error {
	args := append([]string{"list", "-export", "-trimpath", "-v", "-f", "{{/**/}}"}, packages...)
	return Go(ctx, dir, p.Counter("packages", 20*time.Second), args...)
}

// Env is what every go command of the cluster runs with, so that all of them share one build cache.
func Env() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
}

// Go runs a go command in dir, shows its lines through c and returns them in the error if it fails.
func Go(ctx context.Context, dir string, c *progress.Counter, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, Env()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go: %w (install Go 1.26 or newer)", err)
	}
	var tail bytes.Buffer
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		line := lines.Text()
		c.Line(line)
		if strings.ContainsAny(line, ": ") && !strings.HasPrefix(line, "go: downloading") {
			fmt.Fprintln(&tail, line)
		}
	}
	if err := cmd.Wait(); err != nil {
		return errors.Join(fmt.Errorf("go %s in %s: %w", args[0], dir, err), errors.New(tail.String()))
	}
	return nil
}
