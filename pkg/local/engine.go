// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/audit/sink"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/pkg/shell"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	"aof.dev/operator/pkg/source/webhook"
)

// Settings is what Once and Server take from the process around them.
type Settings struct {
	// Files are the paths the composition is read from; scripts of the mock
	// provider are looked for beside them.
	Files []string
	// Getenv finds credentials: ${NAME} in a composition, keys of models.
	Getenv func(name string) string
	Clock  clock.WithTicker
	// Model replaces every model reference; empty leaves them.
	Model string
	// HTTPClient makes the calls of HTTP nodes, platforms and models. It has no
	// Timeout of its own; callers bound their calls.
	HTTPClient *http.Client
	// Audit is where the audit sink stdout writes to; nil is nowhere.
	Audit io.Writer
	// Observe hears how the nodes of runs come along; may be nil.
	Observe func(runner.Progress)
}

// Platforms is every platform that can be served here.
func Platforms() *source.Registry { return source.NewRegistry(slack.Platform(), webhook.Platform()) }

// newRunner puts the executors together. On a person's own machine scripts may
// start any program that the person could.
func (s Settings) newRunner(store ledger.Folder, plans runner.Plans, messenger node.Messenger) *runner.Runner {
	env := map[string]string{}
	for _, name := range []string{"PATH", "HOME", "KUBECONFIG", "DOCKER_HOST", "LANG", "TMPDIR"} {
		if value := s.Getenv(name); value != "" {
			env[name] = value
		}
	}
	transform := shell.New(shell.TransformPolicy(), s.Clock)
	script := shell.New(shell.ScriptPolicy(env, nil), s.Clock)
	models := builtin.Opener(llm.Options{Getenv: s.Getenv, HTTPClient: s.HTTPClient, Scripts: scriptFS(s.Files), Model: s.Model})
	return &runner.Runner{
		Store:  store,
		Plans:  plans,
		Quotas: &quota.Keeper{Store: quota.Documents{Ledger: store}, Clock: s.Clock},
		Nodes: func(agents node.Agents) node.Executors {
			return node.New(node.Options{
				Transform: transform, Script: script, HTTPClient: s.HTTPClient, Clock: s.Clock, Messenger: messenger, Agents: agents,
				DecodeYAML: decodeYAML,
			})
		},
		Agents:  &agent.Runner{Models: models},
		Audit:   &sink.Sinks{Stdout: s.audit(), HTTPClient: s.HTTPClient, Clock: s.Clock},
		Secrets: func(string) *runner.Secrets { return runner.NewSecrets(s.lookup) },
		Clock:   s.Clock,
		Holder:  "local-" + string(newUID()),
		Observe: s.Observe,
	}
}

func (s Settings) audit() io.Writer {
	if s.Audit == nil {
		return io.Discard
	}
	return s.Audit
}

func decodeYAML(raw []byte) (map[string]any, error) {
	var object map[string]any
	err := yaml.Unmarshal(raw, &object)
	return object, err
}

// lookup finds a credential in the environment; an empty one counts as absent,
// so that a default in the composition holds.
func (s Settings) lookup(name string) (string, bool) {
	value := s.Getenv(name)
	return value, value != ""
}

func newUID() types.UID { return uuid.NewUUID() }

// scriptDirs is where scripted replies are looked for.
type scriptDirs []string

// scriptFS looks beside the files of the composition, then where the process
// stands. It also takes absolute paths, since --model mock:/path is the user's
// own word.
func scriptFS(files []string) scriptDirs {
	var dirs scriptDirs
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			file = filepath.Dir(file)
		}
		dirs = append(dirs, file)
	}
	return append(dirs, ".")
}

// Open finds a script by its path.
func (d scriptDirs) Open(name string) (fs.File, error) {
	if filepath.IsAbs(name) {
		return os.Open(name)
	}
	var first error
	for _, dir := range d {
		file, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			return file, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}
