// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package agent reconciles Agents: whether one can be run as its spec stands,
// whether what its model provider asks for is there, and how often it ran. It
// makes no objects and calls no model. Only cmd/controller imports it.
package agent
