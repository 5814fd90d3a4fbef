// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resume sends CloudEvents to brokers over HTTP. Some brokers answer only
// when every subscriber is done, which for a run takes as long as the run, and
// take a sender that hangs up for a reason to cut the subscribers off. So a
// request that is not answered soon is left to itself, within bounds, and counts
// as sent. pkg/reconciler/flowrun's controller imports it.
package resume
