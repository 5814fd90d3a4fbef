// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ledgertest holds what every ledger must do: Conformance for any
// Store, FaultyConformance for a Store with faults and callers that know the
// documented rules, FoldConformance for those that keep documents beside the runs, and
// DurabilityConformance for those that live in a place that can be reopened.
//
// Only tests import it.
package ledgertest
