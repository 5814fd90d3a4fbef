// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import "time"

// Events counts what arrived at one Trigger. The zero value is an empty count.
type Events struct {
	// Received is what passed authentication; Processed is what became a run,
	// Dropped what matched nothing or was ignored; Errors is what was refused
	// before (authentication, parsing) or could not be kept.
	Received  int64 `json:"received,omitempty"`
	Processed int64 `json:"processed,omitempty"`
	Dropped   int64 `json:"dropped,omitempty"`
	Errors    int64 `json:"errors,omitempty"`
	// Duplicates is what started nothing since another event with the same business
	// key had: neither processed nor dropped.
	Duplicates int64 `json:"duplicates,omitempty"`

	// TotalProcessing is the time from receiving to acknowledging, summed over
	// what was received.
	TotalProcessing time.Duration `json:"totalProcessing,omitempty"`

	Last *LastEvent `json:"last,omitempty"`
}

// LastEvent is the event that arrived latest.
type LastEvent struct {
	Timestamp time.Time `json:"timestamp"`
	Type      string    `json:"type,omitempty"`
	Source    string    `json:"source,omitempty"`
	User      string    `json:"user,omitempty"`
}

// ErrorRate is the share of everything that arrived that ended in an error, 0
// to 1.
func (e *Events) ErrorRate() float64 {
	if all := e.Received + e.Errors; all > 0 {
		return float64(e.Errors) / float64(all)
	}
	return 0
}

// Average is the mean time an event took to be acknowledged.
func (e *Events) Average() time.Duration {
	if e.Received == 0 {
		return 0
	}
	return e.TotalProcessing / time.Duration(e.Received)
}
