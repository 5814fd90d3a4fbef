// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agentflow reconciles AgentFlows: whether one can be run as its spec
// stands, whether the agents and fleets it names can, and how often it ran. It
// makes no objects. Only cmd/controller imports it.
package agentflow
