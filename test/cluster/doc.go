// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster holds the tests of the test cluster itself; the cluster is cmd/cluster and the modules below.
package cluster
