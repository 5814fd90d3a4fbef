// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/agent"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/match"
)

// Plan is everything one run of one flow needs to know. Its JSON form is what is
// stored; Name is made from that.
type Plan struct {
	// Namespace is the binding's, or the flow's for a run started by hand.
	Namespace string `json:"namespace"`
	// Binding is empty for a run started by hand.
	Binding string `json:"binding,omitempty"`
	// BindingUID is part of what a run is named by; empty for a binding from a
	// file.
	BindingUID types.UID `json:"bindingUid,omitempty"`
	// Trigger is where events come from and replies go to.
	Trigger *Trigger `json:"trigger,omitempty"`
	// Context the flow runs in.
	Context Context `json:"context"`
	// Flow is the definition; Compile it with flow.Compile.
	Flow flow.Flow `json:"flow"`
	// FlowNamespace is where the AgentFlow stands.
	FlowNamespace string `json:"flowNamespace"`
	// Agents and Fleets by the name the flow's nodes use.
	Agents map[string]agent.Spec      `json:"agents,omitempty"`
	Fleets map[string]agent.FleetSpec `json:"fleets,omitempty"`
	// Rule is what an event must fulfil. The runner is the authority, so it is
	// part of the plan; nil for a run started by hand.
	Rule *match.Rule `json:"rule,omitempty"`
	// Dedupe says which events are about the same thing; nil when each is its own.
	Dedupe *dedupe.Rule `json:"dedupe,omitempty"`
	// Overrun is what becomes of a run while another of the binding is not over;
	// nil when both go on.
	Overrun *Overrun `json:"overrun,omitempty"`
}

// Overrun is a binding's policy for runs that are in each other's way.
type Overrun struct {
	Policy guard.Policy `json:"policy"`
	// Key is a template over the event; runs of the same text are in each other's
	// way. Empty is all runs of the binding.
	Key string `json:"key,omitempty"`
}

// Trigger names the event source of a binding.
type Trigger struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	// Config is what sending a reply may need of the Trigger's configuration:
	// its texts, ${VAR} references as they stand. A secret that was written into
	// the Trigger itself is left out.
	Config map[string]string `json:"config,omitempty"`
}

// Context is what a plan keeps of a Context and of the flow's own context. It
// holds references to secrets at most, never secrets.
type Context struct {
	// Object names the Context, Namespace where it stands; empty without one.
	Object    string `json:"object,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Facts is what ${context…} shows: name, namespace, cluster, kubeconfig,
	// working_dir. Values may hold ${VAR} references, which are left as they
	// stand until the run.
	Facts map[string]string `json:"facts,omitempty"`
	// Env is the environment of scripts and agents, references unresolved too.
	Env map[string]string `json:"env,omitempty"`
	// Approval is what Approval nodes fall back to.
	Approval Approval `json:"approval,omitzero"`
	// Audit says what is put on record, and where; nil for no audit.
	Audit *Audit `json:"audit,omitempty"`
	// Limits are what the runs of the Context may use together.
	Limits Limits `json:"limits,omitzero"`
}

// Audit says what is put on record, and where. URL, Path and Headers may hold
// ${VAR} references.
type Audit struct {
	// Sink is stdout, file or webhook.
	Sink    string            `json:"sink"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Path    string            `json:"path,omitempty"`
	// Events are the kinds of records that are wanted; all when empty.
	Events  []string `json:"events,omitempty"`
	Payload bool     `json:"payload,omitempty"`
}

// Limits are what the runs of a Context may use; 0 is no limit.
type Limits struct {
	guard.Limits
	// ExecutionSeconds is how long one run may work.
	ExecutionSeconds int64 `json:"executionSeconds,omitempty"`
	// Refuse has a run that a limit keeps out end as failed, rather than wait.
	Refuse bool `json:"refuse,omitempty"`
}

// Shared says whether runs must ask before they begin or go on.
func (l Limits) Shared() bool { return l.RequestsPerMinute > 0 || l.Concurrent > 0 }

// Approval says who decides and how long they have.
type Approval struct {
	Required       bool     `json:"required,omitempty"`
	AllowedUsers   []string `json:"allowedUsers,omitempty"`
	TimeoutSeconds int64    `json:"timeoutSeconds,omitempty"`
	MinApprovers   int64    `json:"minApprovers,omitempty"`
	AllowSelf      bool     `json:"allowSelf,omitempty"`
	RequireFor     []string `json:"requireFor,omitempty"`
}

// Encode gives the stored form: equal plans give equal bytes.
func (p *Plan) Encode() ([]byte, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan of %s: %w", p.Flow.Name, err)
	}
	return raw, nil
}

// Decode reads the stored form.
func Decode(raw []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	return &p, nil
}

// nameBytes is how much of the digest stands in a name: 80 bits.
const nameBytes = 10

// Name is the plan's name by content: the binding's or flow's name, cut to what
// a DNS label leaves room for, and a digest of the stored form.
func Name(p *Plan, encoded []byte) string {
	prefix := p.Binding
	if prefix == "" {
		prefix = p.Flow.Name
	}
	if len(prefix) > 40 {
		prefix = strings.TrimRight(prefix[:40], "-.") // a label ends with a letter or digit
	}
	sum := sha256.Sum256(encoded)
	return prefix + "-" + hex.EncodeToString(sum[:nameBytes])
}
