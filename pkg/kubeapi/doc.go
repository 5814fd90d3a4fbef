// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubeapi is the small client of the Kubernetes API that the processes on
// the way of an event use: it reads and writes objects by name and nothing else.
// It makes no request when it is made, discovers nothing, watches nothing and
// does not limit its own rate, so that a process that wakes up to one event pays
// for that event only.
//
// It promises that no error it returns and nothing it logs holds the token, and
// that a token the API no longer takes is noticed (Unauthorized). The
// composition roots of adapter and runner import it, and the ledger and the
// table readers that they compose.
package kubeapi
