// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/manifest"
	"aof.dev/operator/pkg/plan"
)

// world is a Finder over objects of all kinds, by kind and key.
type world map[string]manifest.Resource

var _ plan.Finder = world{}

func find[T any](w world, kind string, key types.NamespacedName) *T {
	var object any = w[kind+" "+key.String()]
	o, _ := object.(*T)
	return o
}

func (w world) Trigger(key types.NamespacedName) *aofv1.Trigger {
	return find[aofv1.Trigger](w, "Trigger", key)
}

func (w world) Context(key types.NamespacedName) *aofv1.Context {
	return find[aofv1.Context](w, "Context", key)
}

func (w world) Flow(key types.NamespacedName) *aofv1.AgentFlow {
	return find[aofv1.AgentFlow](w, "AgentFlow", key)
}

func (w world) Agent(key types.NamespacedName) *aofv1.Agent {
	return find[aofv1.Agent](w, "Agent", key)
}

func (w world) Fleet(key types.NamespacedName) *aofv1.AgentFleet {
	return find[aofv1.AgentFleet](w, "AgentFleet", key)
}

func (w world) binding(t *testing.T, key string) *aofv1.FlowBinding {
	t.Helper()
	b, ok := w["FlowBinding "+key].(*aofv1.FlowBinding)
	require.True(t, ok, "binding %s", key)
	return b
}

// worldOf reads a stream of documents.
func worldOf(t *testing.T, text string) world {
	t.Helper()
	docs, problems := manifest.Parse("world.yaml", []byte(text))
	require.Empty(t, problems)
	w := world{}
	for _, doc := range docs {
		objects, problems := manifest.Decode(doc)
		require.Empty(t, manifest.Errors(problems))
		for _, o := range objects {
			o.Object.SetDefaults(t.Context())
			if o.Object.GetNamespace() == "" {
				o.Object.SetNamespace("default")
			}
			w[o.Kind+" "+o.Object.GetNamespace()+"/"+o.Object.GetName()] = o.Object
		}
	}
	return w
}

// change edits an object as YAML would: what is given goes over what is there.
func change(t *testing.T, object any, text string) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), object))
}

// composition is a whole one: the binding stands apart from all it binds.
const composition = `
apiVersion: aof.dev/v1
kind: Trigger
metadata: {name: chat, namespace: triggers}
spec:
  type: Slack
  config: {channels: [C1], users: [U1], patterns: [from-trigger], bot_token: "${TOKEN}", app_token: xoxb-literal}
---
apiVersion: aof.dev/v1
kind: Context
metadata: {name: prod, namespace: contexts}
spec:
  namespace: payments
  cluster: c-prod
  env: {REGION: eu, KEY: "${KEY}"}
  approval: {required: true, allowed_users: [U9], timeout_seconds: 60}
---
apiVersion: aof.dev/v1
kind: Agent
metadata: {name: k8s, namespace: flows}
spec: {model: "mock:m", instructions: "from flows", temperature: 0.5, max_tokens: 7, tools: [shell]}
---
apiVersion: aof.dev/v1
kind: AgentFleet
metadata: {name: team, namespace: flows}
spec:
  agents:
    - {name: one, ref: {name: k8s}}
    - {name: two, replicas: 2, weight: 2.5, spec: {model: "mock:n", instructions: "in place"}}
  coordination: {mode: peer, consensus: majority}
---
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: ops, namespace: flows}
spec:
  trigger: {type: Slack, patterns: [from-flow]}
  context: {namespace: own, working_dir: /own, env: {REGION: us, MORE: "1"}}
  nodes:
    - {id: ask, type: Agent, config: {agent: k8s, input: "${event.text}"}}
    - {id: vote, type: Fleet, config: {fleet: team, input: "${ask.output}"}}
  connections:
    - {from: trigger, to: ask}
    - {from: ask, to: vote}
---
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: bind, namespace: team-a}
spec:
  trigger: {name: chat, namespace: triggers}
  context: {name: prod, namespace: contexts}
  flow: {name: ops, namespace: flows}
  match: {priority: 3, required_keywords: [please]}
`
