// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package apiserver

import "syscall"

// dieWithParent has no counterpart elsewhere.
func dieWithParent() *syscall.SysProcAttr { return nil }
