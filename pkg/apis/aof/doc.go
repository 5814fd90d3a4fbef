// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package aof names the API group of the AOF kinds and their resources, for
// code that must speak of them without importing a version of them.
package aof
