// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"flag"
	"os"
	"regexp"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// quick shortens what only shows in minutes, to try a test out: -quick=20s.
var quick = flag.Duration("quick", 0, "wait this long where the suite waits for minutes")

// last are the tests that come after all others, in this order: they say what holds while nothing happens, so nothing
// may happen beside them. TestApprovalIsAsked has begun what the last one ends, so that both fit into the suite's time.
var last = []testing.InternalTest{
	{Name: "TestIdleForFiveMinutes", F: idleForFiveMinutes},
	{Name: "TestApprovalAfterTenMinutes", F: approvalAfterTenMinutes},
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(code)
	}
	// What the testing package does for the tests it finds itself. Parallel tests end with m.Run and can't be
	// waited for by another test.
	if !testing.RunTests(regexp.MatchString, last) && code == 0 {
		code = 1
	}
	if asked != nil && (code == 0 || os.Getenv("E2E_KEEP") == "") {
		namespaces := asked.slack.e.kube.CoreV1().Namespaces()
		_ = namespaces.Delete(context.Background(), asked.slack.e.namespace, metav1.DeleteOptions{})
	}
	os.Exit(code)
}

// patience is how long to wait where it takes minutes.
func patience(d time.Duration) time.Duration {
	if *quick > 0 {
		return *quick
	}
	return d
}
