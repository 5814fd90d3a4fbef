// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package route is the route table of one AOF Trigger: what the adapter needs to
// know to serve it, in one document. The Trigger's reconciler writes it, the
// adapter reads it by name; both import this package. It has no I/O.
package route

import (
	"encoding/json"
	"errors"
	"fmt"

	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/match"
)

// Table is everything the adapter needs to serve one Trigger. It holds references
// to secrets (${NAME}), never secrets.
type Table struct {
	Namespace string `json:"namespace"`
	Trigger   string `json:"trigger"`
	// Type and Config are the Trigger's.
	Type   string         `json:"type"`
	Config map[string]any `json:"config,omitempty"`
	// Broker is the URL that events are sent to.
	Broker string `json:"broker,omitempty"`
	// Disabled says why requests are refused; empty when they are not.
	Disabled string `json:"disabled,omitempty"`
	// Bindings are those of the Trigger, in any namespace, sorted by rule ID.
	Bindings []Binding `json:"bindings,omitempty"`
}

// Binding is one FlowBinding of the Trigger.
type Binding struct {
	// Rule is what an event must fulfil; its ID is namespace/name.
	Rule match.Rule `json:"rule"`
	// Claim is what a run of the binding is made from.
	Claim claim.Binding `json:"claim"`
}

// Encode gives the stored form: equal tables give equal bytes.
func (t *Table) Encode() ([]byte, error) { return json.Marshal(t) }

// Decode reads the stored form.
func Decode(raw []byte) (*Table, error) {
	var t Table
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, fmt.Errorf("route table: %w", err)
	}
	if t.Trigger == "" || t.Namespace == "" {
		return nil, errors.New("route table: it names no trigger")
	}
	return &t, nil
}

// Rules compiles the bindings' rules.
func (t *Table) Rules() (*match.Set, error) {
	rules := make([]match.Rule, 0, len(t.Bindings))
	for i := range t.Bindings {
		rules = append(rules, t.Bindings[i].Rule)
	}
	return match.Compile(rules)
}

// Binding finds a binding by its rule's ID.
func (t *Table) Binding(rule string) (*Binding, bool) {
	for i := range t.Bindings {
		if t.Bindings[i].Rule.ID == rule {
			return &t.Bindings[i], true
		}
	}
	return nil, false
}
