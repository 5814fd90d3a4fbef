// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fleet decides how several agents work on one input: who is asked
// what and when, and what their answers mean together.
//
// It is pure: standard library only, no clock, no I/O, and it asks nobody. Next
// says which asks are due given the answers so far, Finish turns the answers
// into a decision, and both give the same result for the same arguments, so a
// fleet can be stopped and resumed at any point. Whoever interprets it
// (pkg/agent) makes the calls. Plans and the API types may import it too.
//
// Modes: peer (all at once, or with distribution sequential one after the
// other), hierarchical (the manager plans, the workers work, the manager puts
// the results together), pipeline (each works on the previous one's output),
// swarm (one member takes the input). The modes tiered and deep are known and
// refused.
package fleet
