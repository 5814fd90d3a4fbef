// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"slices"
	"strings"
	"time"
)

// Selection is which records a Context asks for: kinds, All or Errors. An empty
// one asks for all.
type Selection []string

// Known says whether a word may stand in a Selection.
func Known(word string) bool {
	return word == All || word == Errors || slices.Contains(Kinds(), Kind(word))
}

// Words are all that may stand in a Selection, for messages.
func Words() string {
	words := make([]string, 0, len(Kinds())+2)
	for _, k := range Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(append(words, Errors, All), ", ")
}

// Wants says whether a record is asked for.
func (s Selection) Wants(r *Record) bool {
	return len(s) == 0 || slices.Contains(s, All) || slices.Contains(s, string(r.Event)) ||
		slices.Contains(s, Errors) && (r.Status == Failed || r.Status == Retried && r.Error != "")
}

// Bounds of the records that wait for their sink, of one run.
const (
	MaxPending      = 1000
	MaxPendingBytes = 192 << 10
)

// Fits says whether one more line may wait beside those that do.
func Fits(pending []string, line string) bool {
	size := len(line)
	for _, p := range pending {
		size += len(p)
	}
	return len(pending) < MaxPending && size <= MaxPendingBytes
}

// Times between two attempts to deliver.
const (
	firstRetry   = 5 * time.Second
	longestRetry = 10 * time.Minute
)

// Backoff is how long to wait after that many failures in a row.
func Backoff(failures int64) time.Duration {
	pause := firstRetry
	for range min(max(failures, 1), 30) - 1 {
		if pause *= 2; pause >= longestRetry {
			return longestRetry
		}
	}
	return pause
}

// Target is where records go, references to secrets resolved.
type Target struct {
	// Sink is stdout, file or webhook.
	Sink string
	// URL and Headers are a webhook's.
	URL     string
	Headers map[string]string
	// Path is a file's.
	Path string
}
