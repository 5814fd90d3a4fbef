// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli holds the commands of aof, one file each: it reads flags, calls
// the packages that do the work and prints what came of it, for people first
// and with -o json|yaml for machines. Only cmd/aof imports it.
package cli
