// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package example holds the test that runs every folder of examples/flows as
// `aof dev` would, with a Slack, a web and programs that are fakes, and compares
// what came of each event with the folder's expected.yaml. Where the files that a
// folder re-tells lie beside the repository, those are imported and held to the
// same outcome.
package example
