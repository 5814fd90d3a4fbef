// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver is a Kubernetes API for tests: etcd and kube-apiserver on
// loopback, with RBAC and an audit log, the operator's kinds installed and
// nothing else running. What it needs is in the folder that AOF_KUBE names, as
// "make test" sets it; without AOF_KUBE the tests that need it are skipped and
// say so. No test needs root.
//
// A package of tests starts one for all of them (Main) and uses it with Shared.
// Its own tests are the tier of the operator's tests that needs a real API
// server: schemas, columns, the ledger, what a runner costs.
package apiserver
