// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reconciler holds one package for each kind whose objects the operator
// brings about, and what they share. It has no code of its own: this is where
// their rules stand.
//
// # Shape
//
// ReconcileKind fits a screen: gather (listers only; every reference is tracked
// before it is read, whether it exists or not), decide (a pure function of what
// was gathered and the time), apply (children are compared whole with what they
// should be, and written only when they differ), report (conditions and counts
// into the status, which the generated wrapper writes once, if it changed).
//
// # What becomes of an error
//
// Every error is one of three, and the code that meets it says which:
//
//   - Transient: a call failed that may succeed the next time (the API server did
//     not answer, a write met another). It is returned, wrapped with what we were
//     doing, and the queue tries again, ever more slowly. Conditions keep what
//     they said, or say Unknown.
//   - Waiting: something that others have to bring is not there yet. The condition
//     is Unknown (or False when a person has to act) with the name of what is
//     missing, and nil is returned: the tracker or a watch wakes the object. When
//     only time helps, controller.NewRequeueAfter is returned.
//   - Terminal: the spec asks for what can't be. The condition is False with the
//     reason and nil is returned: only a change of the spec, or of what it refers
//     to, wakes the object. It is not returned as an error, since the wrapper
//     would write a Kubernetes event at every look instead of once.
//
// # Events
//
// A Kubernetes event tells of an edge a person would ask about (Bound, Failed,
// Suspended), never of a state. What did not change is not told again.
package reconciler
