// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package knative

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"aof.dev/operator/test/cluster/internal/build"
	"aof.dev/operator/test/cluster/internal/node"
	"aof.dev/operator/test/cluster/internal/place"
	"aof.dev/operator/test/cluster/internal/progress"
)

var koReference = regexp.MustCompile(`ko://([\w./-]+)`)

// Release is one version of Knative, fitted to the cluster.
type Release struct {
	module string // the folder of its go.mod
	docs   []document
	key    string // of all that it is made of
}

// Load reads the release that the module in source/knative pins.
func Load(ctx context.Context, source string) (*Release, error) {
	r := &Release{module: filepath.Join(source, "knative")}
	var err error
	if r.docs, err = manifests(ctx, r.module); err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), join(r.docs))
	if err := build.HashDir(h, r.module); err != nil {
		return nil, err
	}
	r.key = fmt.Sprintf("%x", h.Sum(nil)[:6])
	return r, nil
}

// Key tells one release from another.
func (r *Release) Key() string { return r.key }

// packages are the programs whose images the manifests name.
func (r *Release) packages() []string {
	var found []string
	for _, m := range koReference.FindAllStringSubmatch(join(r.docs), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (r *Release) resolved(p place.Place) string { return p.Kept("knative-" + r.key + ".yaml") }

// Compile compiles the programs unless the registry has their images. It needs no cluster.
func (r *Release) Compile(ctx context.Context, p place.Place, out *progress.Printer) error {
	if _, err := os.Stat(r.resolved(p)); err == nil {
		return nil
	}
	packages := r.packages()
	out.Say("compiling the %d programs of Knative: minutes when the Go caches are cold", len(packages))
	return out.Step("compiled Knative", func() error { return build.Compile(ctx, r.module, out, packages...) })
}

// Images builds the images and pushes them to the cluster's registry, unless they are there.
func (r *Release) Images(ctx context.Context, p place.Place, out *progress.Printer) error {
	if _, err := os.Stat(r.resolved(p)); err == nil {
		return nil
	}
	work, err := os.MkdirTemp(p.Run(), "resolve-")
	if err != nil {
		return err
	}
	in, result := filepath.Join(work, "in.yaml"), filepath.Join(work, "out.yaml")
	if err := os.WriteFile(in, []byte(join(r.docs)), 0o644); err != nil {
		return err
	}
	if err := r.resolve(ctx, p, out, in, result); err != nil {
		return err
	}
	return os.Rename(result, r.resolved(p))
}

func (r *Release) resolve(ctx context.Context, p place.Place, out *progress.Printer, in, result string) error {
	cmd, err := node.Command(ctx, p, r.module, "ko", "resolve", "-f", in, "-P", "--platform=linux/"+runtime.GOARCH, "--sbom=none", "--jobs=2")
	if err != nil {
		return err
	}
	f, err := os.Create(result)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd.Stdout = f
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	count := out.Counter("images pushed", 10*time.Second)
	var tail []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		tail = append(tail, lines.Text())
		if strings.Contains(lines.Text(), "Published ") {
			count.Line("")
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("ko resolve: %w\n%s", err, strings.Join(tail[max(0, len(tail)-15):], "\n"))
	}
	return nil
}
