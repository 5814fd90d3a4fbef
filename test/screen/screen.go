// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package screen holds what a command has printed that still runs, or a log has
// that many goroutines write to, for tests that look at it meanwhile. Only tests
// import it.
package screen

import (
	"bytes"
	"sync"
)

// Screen takes what is written and shows it, to any number of goroutines. The zero
// value is an empty one; it must not be copied.
type Screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String is all that was written so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
