// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/shell"
)

// DefaultMaxSleep is how long a Wait may hold its worker before it suspends.
const DefaultMaxSleep = 5 * time.Second

// Options is what executors work with.
type Options struct {
	// Transform and Script run scripts, each under its own policy. Nodes of a
	// kind without a runner fail with Unsupported.
	Transform, Script *shell.Runner
	// HTTPClient sends requests. Its CheckRedirect is replaced; what addresses
	// may be reached is its Transport's to say. Nil is a client without limits
	// but the nodes' own time.
	HTTPClient *http.Client
	// Clock tells the time and sleeps; nil is the real one.
	Clock clock.Clock
	// Messenger sends messages; without one they are only recorded.
	Messenger Messenger
	// Agents runs agents and fleets; without it such nodes fail.
	Agents Agents
	// MaxSleep is the longest pause that is slept through; longer ones suspend
	// the run. Zero is DefaultMaxSleep.
	MaxSleep time.Duration
	// DecodeYAML reads the agent_config of a node. Nil reads JSON only.
	DecodeYAML func(text []byte) (map[string]any, error)
}

// New makes the executors of every kind that has an effect. Kinds that are not
// supported have one that says so.
func New(o Options) Executors {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.MaxSleep <= 0 {
		o.MaxSleep = DefaultMaxSleep
	}
	if o.DecodeYAML == nil {
		o.DecodeYAML = decodeObject
	}
	web := newWeb(o.HTTPClient)
	asks := &asker{messenger: o.Messenger}
	messages := &messageExecutor{messenger: o.Messenger, clock: o.Clock}
	agents := &agentExecutor{agents: o.Agents, decode: o.DecodeYAML}
	executors := Executors{}
	for _, kind := range flow.Kinds() {
		executors[kind] = unsupported{}
	}
	if o.Transform != nil {
		executors[flow.KindTransform] = &transformExecutor{runner: o.Transform}
	}
	if o.Script != nil {
		executors[flow.KindScript] = &gated{&scriptExecutor{runner: o.Script, web: web}, asks}
	}
	executors[flow.KindHTTP] = &gated{&httpExecutor{web: web}, asks}
	executors[flow.KindWait] = &waitExecutor{clock: o.Clock, maxSleep: o.MaxSleep}
	executors[flow.KindApproval] = &approvalExecutor{clock: o.Clock, asker: asks}
	for _, kind := range []flow.Kind{flow.KindSlack, flow.KindDiscord, flow.KindTelegram, flow.KindResponse, flow.KindNotify} {
		executors[kind] = messages
	}
	executors[flow.KindGitHub] = &gated{&githubExecutor{web: web}, asks}
	executors[flow.KindLoop] = &loopExecutor{executors: executors}
	executors[flow.KindAgent] = agents
	executors[flow.KindFleet] = agents
	return executors
}

// unsupported stands for kinds that can't be executed here.
type unsupported struct{}

// Execute says that the kind is not supported.
func (unsupported) Execute(_ context.Context, req Request) (Result, error) {
	return Result{}, fail(ReasonUnsupported, "nodes of type %s can't be executed here", req.Node.Kind)
}
