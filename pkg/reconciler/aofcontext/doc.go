// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package aofcontext reconciles Contexts: whether flows may run in one as its spec
// stands, and which spec that is. It makes no objects, opens no kubeconfig (only
// the runner sees the file) and shows no value of the environment. Only
// cmd/controller imports it.
package aofcontext
