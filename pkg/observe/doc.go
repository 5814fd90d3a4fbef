// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package observe shows the state of AOF objects as Prometheus metrics. It keeps
// nothing: whoever scrapes gets what the caches say at that moment, so a restart
// loses no count, and between scrapes it costs nothing. Every replica shows only
// what it leads, so that sums over all replicas are right. It reads caches and
// calls nobody; cmd/controller, and what wires it up, imports it.
package observe
