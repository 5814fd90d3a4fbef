// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
)

// Document is what a tally ConfigMap holds under names.KeyTally.
type Document struct {
	// Tally is what was counted.
	Tally fold.Tally `json:"tally"`
	// Pending are the runs in Tally that may not say yet that they are.
	Pending []Counted `json:"pending,omitempty"`
}

// Counted is a run that has been counted.
type Counted struct {
	UID       types.UID `json:"uid"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
}

// Decode reads a document; nothing is an empty one.
func Decode(data string) (*Document, error) {
	var d Document
	if data == "" {
		return &d, nil
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		return nil, fmt.Errorf("read tally: %w", err)
	}
	return &d, nil
}

// Encode is the document as it is kept.
func (d *Document) Encode() (string, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("write tally: %w", err)
	}
	return string(data), nil
}

// count adds what the runs contribute to t, leaving out runs that are counted
// already, and says whether there was any.
func (d *Document) count(t target, runs []*aofv1.FlowRun) bool {
	counted := make(map[types.UID]bool, len(d.Pending))
	for _, p := range d.Pending {
		counted[p.UID] = true
	}
	added := false
	for _, run := range runs {
		turns := fold.Contributions(run)[t]
		if len(turns) == 0 || counted[run.UID] {
			continue
		}
		for _, turn := range turns {
			d.Tally.Add(turn)
		}
		d.Pending = append(d.Pending, Counted{UID: run.UID, Namespace: run.Namespace, Name: run.Name})
		added = true
	}
	return added
}

// settle leaves out of pending what says itself that it has been counted.
func (d *Document) settle(settled func(Counted) bool) {
	d.Pending = slices.DeleteFunc(d.Pending, settled)
}

// The kinds that runs are counted for, as names.Tally and the label of the
// ConfigMaps have them.
const (
	KindBinding = fold.KindBinding
	KindFlow    = fold.KindFlow
	KindAgent   = fold.KindAgent
)

// target is an object that runs are counted for.
type target = fold.Target
