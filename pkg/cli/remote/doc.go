// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package remote speaks what the command line needs of the Kubernetes API: to a
// cluster with the user's kubeconfig and nothing else, and to aof dev, which
// answers as a cluster would (ADR 0005). Objects come and go as they are on the
// wire, so that nothing a newer cluster knows is lost.
//
// Its errors are meant for people: who does not answer, what right is missing.
// Only the command line (pkg/cli) imports it.
package remote
