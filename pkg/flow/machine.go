// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "time"

// Input is something that happened to a run: Start, Done, Failed, Waiting,
// Resume or Cancel.
type Input interface{ input() }

// Start begins a run. It counts only for the zero State.
type Start struct {
	Facts Facts
	At    time.Time
}

// Done says that a running or waiting node has succeeded.
type Done struct {
	Node    string
	Attempt int
	// Output is anything that encoding/json can write; it is kept as JSON values.
	Output  any
	Exports map[string]string
	Usage   Usage
	At      time.Time
}

// Failed says that an attempt of a running or waiting node has failed. The node
// gets another attempt when Retryable is set and its policy has one left.
type Failed struct {
	Node      string
	Attempt   int
	Reason    string
	Message   string
	Retryable bool
	Usage     Usage
	At        time.Time
}

// Waiting says that a running node is suspended until something outside happens.
// A waiting node that gets another Waiting waits for the new thing.
type Waiting struct {
	Node    string
	Attempt int
	Wait    Wait
	At      time.Time
}

// Resume sends a waiting node back to work in the same attempt, with a Run
// command. It is for executors that go on by themselves after a wait; where the
// outcome is already known, Done and Failed are accepted directly.
type Resume struct {
	Node    string
	Attempt int
	// Grant, when set, is what people allow the node to do: the digest of it.
	Grant string
	At    time.Time
}

// Cancel ends the run: what is not over is skipped.
type Cancel struct {
	Reason string
	At     time.Time
}

func (Start) input()   {}
func (Done) input()    {}
func (Failed) input()  {}
func (Waiting) input() {}
func (Resume) input()  {}
func (Cancel) input()  {}

// Command is what is to be done after a Step: Run or Finish.
type Command interface{ command() }

// Run asks for an attempt of a node to begin after Delay.
type Run struct {
	Node    string
	Attempt int
	Delay   time.Duration
}

// Finish says that the flow is over: Succeeded, Failed or Cancelled. It is the
// last command of a run.
type Finish struct{ Phase Phase }

func (Run) command()    {}
func (Finish) command() {}
