// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e proves promises on a real Kubernetes with Knative. All tests have the build tag e2e; run them with
// 'make e2e'. docs/dev/cluster.md says how to run them on another cluster.
package e2e
