// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sourcetest

import (
	"testing"
	"time"

	"aof.dev/operator/pkg/source"
)

// Harness is a platform under test, with what only its own tests can know.
type Harness struct {
	// Platform is the platform.
	Platform source.Platform
	// Settings make a receiver that demands a credential.
	Settings source.Settings
	// Sign makes the request that carries a body, as its sender would at now.
	Sign func(now time.Time, body []byte) source.Request
	// Valid are bodies of requests that are in order, at least one of which
	// gives a message.
	Valid [][]byte
	// Secrets are the values that may be seen nowhere. Those that stand in
	// Settings.Config are what the credential is made with.
	Secrets []string
	// Window is how far a request's own time may be from now, either way; zero
	// for platforms whose requests don't tell their time.
	Window time.Duration
	// Token says that the credential doesn't cover the body.
	Token bool
}

// Run holds a platform to its promises.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Harness){
		"takes what is in order":              testValid,
		"gives the same for the same":         testDeterminism,
		"refuses what is not signed":          testUnsigned,
		"refuses what another secret signed":  testOtherSecret,
		"refuses another body":                testTampered,
		"refuses another time":                testWindow,
		"survives broken headers":             testBrokenHeaders,
		"survives malformed bodies":           testMalformed,
		"leaves the request as it was":        testUntouched,
		"serves many requests at once":        testConcurrent,
		"refuses to do without configuration": testUnconfigured,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}
