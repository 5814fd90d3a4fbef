// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agentfleet reconciles AgentFleets: whether one can be run as its spec
// stands, and whether each of its members can. It makes no objects and calls no
// model. Only cmd/controller imports it.
package agentfleet
