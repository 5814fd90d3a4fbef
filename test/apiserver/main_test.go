// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"os"
	"testing"

	"aof.dev/operator/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }
