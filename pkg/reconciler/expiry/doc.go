// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package expiry removes the business keys whose windows are over (match.dedupe of
// FlowBindings), and counts for their Triggers the duplicates that runners found.
//
// It looks at all keys of the cluster from time to time, and keeps none in memory:
// there are as many as there were things that events were about. A key that
// somebody writes meanwhile stays. Duplicates are counted once the key is gone: a
// crash in between loses that count, and never counts twice.
package expiry
