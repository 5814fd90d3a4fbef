// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"fmt"
	"testing"

	"aof.dev/operator/pkg/flow"
)

// benchFlow is a flow of n nodes in layers of five: every node has two before it
// and a condition on one of its edges.
func benchFlow(n int) flow.Flow {
	var f flow.Flow
	for i := range n {
		id := fmt.Sprintf("n%d", i)
		f.Nodes = append(f.Nodes, node(id, flow.KindScript, "command", "echo ${event.text}"))
		if i >= 5 {
			left, right := fmt.Sprintf("n%d", i-5), fmt.Sprintf("n%d", i-5+(i+1)%5-i%5)
			f.Edges = append(f.Edges, edge(left, id), edge(right, id, "exit_code == 0"))
		}
	}
	return f
}

var benchOutput = map[string]any{"exit_code": 0, "stdout": "hello", "stderr": "", "output": "hello", "success": true}

var benchSizes = []int{10, 100, 1000}

// BenchmarkRun is a whole run: start, one answer per node, end.
func BenchmarkRun(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			p := compile(b, benchFlow(n))
			b.ReportAllocs()
			for b.Loop() {
				s, due := p.Step(flow.State{}, flow.Start{At: noon})
				for i := 0; i < len(due); i++ {
					if run, isRun := due[i].(flow.Run); isRun {
						var more []flow.Command
						s, more = p.Step(s, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: benchOutput, At: noon})
						due = append(due, more...)
					}
				}
				if s.Phase != ok {
					b.Fatal(s.Phase)
				}
			}
		})
	}
}

// BenchmarkStep is one answer in the middle of a run, which lets another node
// begin. What it costs must not grow with the flow.
func BenchmarkStep(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			p := compile(b, benchFlow(n))
			var (
				s   flow.State
				due []flow.Command
			)
			b.ReportAllocs()
			for b.Loop() {
				if len(due) == 0 || s.Phase.Finished() {
					b.StopTimer()
					s, due = p.Step(flow.State{}, flow.Start{At: noon})
					b.StartTimer()
				}
				run, _ := due[0].(flow.Run)
				due = due[1:]
				var more []flow.Command
				s, more = p.Step(s, flow.Done{Node: run.Node, Attempt: run.Attempt, Output: benchOutput, At: noon})
				due = append(due, more...)
			}
		})
	}
}

// BenchmarkCompile is what validation and planning cost.
func BenchmarkCompile(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			f := benchFlow(n)
			b.ReportAllocs()
			for b.Loop() {
				compile(b, f)
			}
		})
	}
}

// BenchmarkRefusal is the answer to a flow with twice as many nodes as allowed.
func BenchmarkRefusal(b *testing.B) {
	f := flow.Flow{Nodes: make([]flow.Node, 2*flow.MaxNodes)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := flow.Compile(f); err == nil {
			b.Fatal("accepted")
		}
	}
}
