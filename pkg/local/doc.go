// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package local is AOF without a cluster: it serves the Triggers of a set of
// files, keeps runs in SQLite, carries them out in this process and folds
// statuses, with the code that the operator uses for matching, planning, running
// and folding. `aof dev` is a Server, `aof run` is Once, `aof explain` is
// World.Explain.
//
// It composes; decisions belong into the packages it calls. Only pkg/cli imports
// it.
package local
