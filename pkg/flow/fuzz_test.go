// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"aof.dev/operator/pkg/flow"
)

// FuzzCompile reads flows as a stored plan would hold them. Whatever comes,
// Compile gives a plan or bounded errors; a plan runs to its end, its state
// survives JSON, and every node ends in one way.
func FuzzCompile(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("testdata", "flows", "*.json"))
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range seeds {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"nodes":[{"id":"a","kind":"Join"},{"id":"b","kind":"Conditional","config":{"routes":[{"when":"x","to":"a"}]}}]}`))
	f.Add([]byte(`{"nodes":[{"id":"a","kind":"End","config":{"output":{"x":["${event.text}"]}},"dependsOn":["a"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var def flow.Flow
		if json.Unmarshal(text, &def) != nil {
			return
		}
		p, err := flow.Compile(def)
		if err != nil {
			var errs flow.Errors
			if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > flow.MaxErrors {
				t.Fatalf("not a bounded list of errors: %v", err)
			}
			if limit := flow.MaxErrors * (len(text) + 2*flow.MaxMessageBytes); len(err.Error()) > limit {
				t.Fatalf("errors of %d bytes", len(err.Error()))
			}
			return
		}
		if err := runToEnd(p); err != nil {
			t.Fatal(err)
		}
	})
}

// runToEnd answers every node with the same output and checks the end.
func runToEnd(p *flow.Plan) error {
	output := map[string]any{"output": "done", "x": 1, "approved": true, "result": "ok", "reaction": "ok"}
	s, due := p.Step(flow.State{}, flow.Start{Facts: flow.Facts{Event: map[string]any{"text": "hi", "user": map[string]any{"id": "u"}}}, At: noon})
	for steps := 0; len(due) > 0; steps++ {
		run, isRun := due[0].(flow.Run)
		if !isRun {
			break
		}
		if steps > len(p.Nodes()) {
			return errors.New("more commands than nodes")
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		var again flow.State
		if err := json.Unmarshal(text, &again); err != nil {
			return err
		}
		var more []flow.Command
		s, more = p.Step(again, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: output, Exports: map[string]string{"X": "1"}, At: noon})
		due = append(due[1:], more...)
	}
	if !s.Phase.Finished() {
		return fmt.Errorf("ended in phase %s", s.Phase)
	}
	for _, n := range s.Nodes {
		if !n.Phase.Finished() {
			return fmt.Errorf("node %q ended in phase %s", n.ID, n.Phase)
		}
	}
	p.Result(s)
	return nil
}
