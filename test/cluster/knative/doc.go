// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package knative pins the programs of Knative Serving and Eventing that the test cluster runs: see the tool lines of
// its go.mod. Their images are built out of this module, and their manifests are taken from the same module versions.
package knative
