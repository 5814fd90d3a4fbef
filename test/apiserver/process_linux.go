// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import "syscall"

// dieWithParent has a program killed when the test that started it dies.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
