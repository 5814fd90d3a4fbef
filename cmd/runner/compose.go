// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/audit/sink"
	"aof.dev/operator/pkg/delivery"
	"aof.dev/operator/pkg/egress"
	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/runner"
	"aof.dev/operator/pkg/settings"
	"aof.dev/operator/pkg/shell"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	"aof.dev/operator/pkg/source/webhook"
)

// Environment that an image or a namespace may set.
const (
	// envCommands lists the programs that scripts may start, separated by
	// commas. An image that has some says so.
	envCommands = "AOF_COMMANDS"
	// envAllow and envDeny are networks that flows may reach, or not, whatever
	// pkg/egress thinks of them.
	envAllow = "AOF_EGRESS_ALLOW"
	envDeny  = "AOF_EGRESS_DENY"
)

// process is what a process is made from.
type process struct {
	getenv func(string) string
	clock  clock.WithTicker
	log    *slog.Logger
	// stdout is for audit records only; what the process has to say goes to log.
	stdout io.Writer
	// hide keeps the environment from the programs that scripts start.
	hide func() error
}

// server puts the pieces together. It talks to nobody. With the context ends all
// work.
func (p *process) server(ctx context.Context) (*server, error) {
	config, err := kubeapi.ConfigFrom(p.getenv)
	if err != nil {
		return nil, err
	}
	api, err := kubeapi.New(config)
	if err != nil {
		return nil, err
	}
	namespace := or(p.getenv(names.EnvNamespace), namespaceOf(config.BearerToken))
	if namespace == "" {
		return nil, errors.New(names.EnvNamespace + " is not set: it is the namespace whose bindings are served")
	}
	times, err := p.times()
	if err != nil {
		return nil, err
	}
	store := ledgerkube.New(api.AOF().RESTClient())
	plans := delivery.NewPlans(api)
	runs, err := p.runner(api, store, plans, times)
	if err != nil {
		return nil, err
	}
	leases, err := api.Leases()
	if err != nil {
		return nil, err
	}
	handler := delivery.New(ctx, delivery.Options{
		Once:      &once.Maker{Runs: store, Keys: lease.New(leases), Clock: p.clock, Counts: true},
		Namespace: namespace, Store: store, Plans: plans, Runs: runs, Clock: p.clock,
		Timeout: times.work, Log: p.log,
	})
	return &server{process: p, api: api, handler: handler}, nil
}

// times are how long things may take.
type times struct {
	// work is a request's time without what answering takes. attempt is that of
	// a node that sets none itself.
	work, attempt time.Duration
}

// times divides up the time of a request. No node is begun in the second half of
// it, and none that does not ask for more takes longer than that, so that a run
// that yields has nothing cut off.
func (p *process) times() (times, error) {
	request := settings.Default().RunnerTimeout
	if text := p.getenv(names.EnvRunnerTimeout); text != "" {
		var err error
		if request, err = time.ParseDuration(text); err != nil || request < time.Second {
			return times{}, fmt.Errorf("%s: %.20q is no duration of 1s or more", names.EnvRunnerTimeout, text)
		}
	}
	work := request - min(5*time.Second, request/10)
	return times{work: work, attempt: min(runner.DefaultTimeout, work/2)}, nil
}

func (p *process) runner(api *kubeapi.Client, store *ledgerkube.Store, plans *delivery.Plans, t times) (*runner.Runner, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	transform := shell.New(shell.TransformPolicy(), p.clock)
	script, err := p.scripts()
	if err != nil {
		return nil, err
	}
	credentials := environment(p.getenv)
	messenger := &delivery.Messenger{Platforms: platforms(), Lookup: credentials.lookup, HTTPClient: client, BaseURL: p.baseURL}
	models := builtin.Opener(llm.Options{Getenv: p.getenv, HTTPClient: client, Scripts: credentials})
	return &runner.Runner{
		Store:  store,
		Plans:  plans,
		Quotas: &quota.Keeper{Store: &quota.ConfigMaps{API: api}, Clock: p.clock, Pause: p.pause},
		Nodes: func(agents node.Agents) node.Executors {
			return node.New(node.Options{
				Transform: transform, Script: script, HTTPClient: client, Clock: p.clock, Messenger: messenger, Agents: agents,
				DecodeYAML: decodeYAML,
			})
		},
		Agents:  &agent.Runner{Models: models},
		Audit:   &sink.Sinks{Stdout: p.stdout, HTTPClient: client, Clock: p.clock},
		Secrets: func(string) *runner.Secrets { return runner.NewSecrets(credentials.lookup) },
		Clock:   p.clock,
		Holder:  or(p.getenv("HOSTNAME"), "runner") + "-" + string(uuid.NewUUID()),
		Lease:   runner.DefaultLease,
		Timeout: t.attempt,
		Yield:   t.work / 2,
	}, nil
}

// client makes the calls of nodes, models and replies.
func (p *process) client() (*http.Client, error) {
	allow, err := egress.ParsePrefixes(p.getenv(envAllow))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envAllow, err)
	}
	deny, err := egress.ParsePrefixes(p.getenv(envDeny))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envDeny, err)
	}
	return &http.Client{Transport: egress.NewTransport(egress.Rules{Allow: allow, Deny: deny})}, nil
}

// scratch is where programs may write: in memory, and gone with the pod. It is in
// every container, also where the file system is read-only; an emptyDir would
// cost 0.3 s of every cold start, as any volume does (ADR 0206).
const scratch = "/dev/shm"

// scripts makes the runner of Script nodes. They have the text tools that are
// built in, and the programs that the image says it has; they can't open files,
// since those of this process hold every credential of the namespace.
func (p *process) scripts() (*shell.Runner, error) {
	var commands []string
	for name := range strings.SplitSeq(p.getenv(envCommands), ",") {
		if name = strings.TrimSpace(name); name != "" {
			commands = append(commands, name)
		}
	}
	policy := shell.Policy{Env: map[string]string{"HOME": scratch, "TMPDIR": scratch}, Dir: scratch}
	if len(commands) > 0 {
		if err := p.hide(); err != nil {
			return nil, fmt.Errorf("keep the environment from programs: %w", err)
		}
		policy.AllowExec, policy.Commands = true, commands
		policy.Env["PATH"] = p.getenv("PATH")
	}
	return shell.New(policy, p.clock), nil
}

func platforms() *source.Registry { return source.NewRegistry(slack.Platform(), webhook.Platform()) }

// baseURL is the address of a platform's API where it isn't the real one.
func (p *process) baseURL(triggerType string) string {
	if triggerType == slack.Platform().Type {
		return p.getenv("SLACK_API_URL")
	}
	return ""
}

func decodeYAML(raw []byte) (map[string]any, error) {
	var object map[string]any
	err := yaml.Unmarshal(raw, &object)
	return object, err
}

// pause waits a little, and not as long as others do, before a document that all
// replicas change is tried again.
func (p *process) pause(ctx context.Context, attempt int) {
	const step, most = 5, 100
	d := time.Duration(1+rand.IntN(min(attempt*step, most))) * time.Millisecond //nolint:gosec // it guards nothing
	timer := p.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}
