// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package delivery is what a runner does with what a broker delivers to it: it
// claims the event for the binding that the URL names, has the run carried on,
// and answers in the terms that brokers understand.
//
// Any 2xx says that the event is dealt with: done, waiting, seen before or not
// for this binding; the body is empty, or a CloudEvent that has the run resumed.
// 429 and 503 ask for another delivery, 4xx refuse one that would never do.
// Whatever is lost on the way after the claim, the claim is in the ledger, and
// the controller's sweep delivers it again.
//
// A cold process reads one plan, and the run if the adapter has claimed it. The
// runner's composition root imports the package; it imports no reconciler and
// nothing of the adapter.
package delivery
