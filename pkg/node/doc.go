// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node executes one node of a flow: one file for each kind that has an
// effect, behind one interface. What a node says is rendered from its
// configuration with the values of the run; those values are data and are never
// read as script, template, URL or header.
//
// It knows nothing of ledgers, platforms or models: messages and agents go
// through interfaces declared here. Only pkg/runner and what composes it import
// it.
package node
