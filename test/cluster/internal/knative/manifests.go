// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package knative installs Knative Serving and Eventing out of the Go module cache.
package knative

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"aof.dev/operator/test/cluster/internal/build"
)

// sources are the manifests, by module. Module zips drop symbolic links: what upstream's config folders link to is
// taken from its real place.
var sources = []struct {
	module string
	paths  []string
}{
	{"knative.dev/eventing", []string{
		"config/core",
		"third_party/eventing-integrations-latest",
		"config/channels/in-memory-channel",
		"config/brokers/mt-channel-broker/deployments",
		"config/brokers/mt-channel-broker/roles",
	}},
	{"knative.dev/caching", []string{"config/image.yaml"}},
	{"knative.dev/networking", []string{
		"config/certificate.yaml",
		"config/domain-claim.yaml",
		"config/ingress.yaml",
		"config/serverlessservice.yaml",
		"config/config-network.yaml",
	}},
	{"knative.dev/serving", []string{"config/core"}},
}

// document is one YAML document.
type document struct{ kind, text string }

// manifests returns all documents to apply, fitted to the test cluster. Images are still named by ko:// references.
func manifests(ctx context.Context, module string) ([]document, error) {
	var all []document
	for _, s := range sources {
		cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", s.module)
		cmd.Dir, cmd.Env, cmd.Stderr = module, build.Env(), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("finding the module %s: %w", s.module, err)
		}
		for _, path := range s.paths {
			docs, err := read(filepath.Join(strings.TrimSpace(string(out)), path))
			if err != nil {
				return nil, err
			}
			all = append(all, docs...)
		}
	}
	docs, err := read(filepath.Join(module, "kingress", "deploy.yaml"))
	if err != nil {
		return nil, err
	}
	return fitAll(append(all, docs...))
}

// read returns the documents of a file, or of all YAML files below a folder.
func read(root string) ([]document, error) {
	var docs []document
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		docs = append(docs, split(string(b))...)
		return nil
	})
	return docs, err
}

var (
	separator = regexp.MustCompile(`(?m)^---.*$`)
	kindLine  = regexp.MustCompile(`(?m)^kind: *"?(\w+)`)
)

// split cuts a YAML stream into documents; what has no kind, such as a comment, is left out.
func split(stream string) []document {
	var docs []document
	for _, text := range separator.Split(stream, -1) {
		if m := kindLine.FindStringSubmatch(text); m != nil {
			docs = append(docs, document{kind: m[1], text: strings.TrimSpace(text) + "\n"})
		}
	}
	return docs
}

// join is the opposite of split.
func join(docs []document) string {
	var b strings.Builder
	for _, d := range docs {
		b.WriteString("---\n")
		b.WriteString(d.text)
	}
	return b.String()
}

// phase says when a kind is applied. Nothing is refused on the way: kinds are defined before their objects, and what
// checks objects comes last.
func phase(kind string) int {
	switch kind {
	case "Namespace", "CustomResourceDefinition":
		return 0
	case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
		return 2
	default:
		return 1
	}
}

// phases sorts documents into the order in which they are applied, keeping the order within a phase.
func phases(docs []document) [3][]document {
	var sorted [3][]document
	for _, d := range docs {
		n := phase(d.kind)
		sorted[n] = append(sorted[n], d)
	}
	return sorted
}
