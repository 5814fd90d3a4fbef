// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import "maps"

// Arrivals is the document in which the events of one Trigger are counted. Several
// processes add to it at once; what each adds is an Arrivals too.
type Arrivals struct {
	Events
	// Unsent is how many events the broker didn't take at once; their runs were
	// claimed and are sent again later.
	Unsent int64 `json:"unsent,omitempty"`
	// Bindings counts by binding, as namespace/name.
	Bindings map[string]Compared `json:"bindings,omitempty"`
	// Writers tells which write of which process came last, the latest first, so
	// that one whose answer got lost is not repeated.
	Writers []Writer `json:"writers,omitempty"`
}

// Compared is how many events of its Trigger a binding saw, and how many of them
// became a run of it. An event delivered twice counts once.
type Compared struct {
	Compared int64 `json:"compared,omitempty"`
	Matched  int64 `json:"matched,omitempty"`
	// Duplicates matched too and started nothing, since another event with the same
	// business key had. They are not among Matched.
	Duplicates int64 `json:"duplicates,omitempty"`
}

// Writer is the last write of one process.
type Writer struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"`
}

// Add counts what others counted. Writers stay as they are.
func (a *Arrivals) Add(more *Arrivals) {
	a.Received += more.Received
	a.Processed += more.Processed
	a.Dropped += more.Dropped
	a.Errors += more.Errors
	a.Duplicates += more.Duplicates
	a.TotalProcessing += more.TotalProcessing
	a.Unsent += more.Unsent
	if l := more.Last; l != nil && (a.Last == nil || !l.Timestamp.Before(a.Last.Timestamp)) {
		a.Last = l
	}
	if len(more.Bindings) == 0 {
		return
	}
	merged := make(map[string]Compared, len(a.Bindings)+len(more.Bindings))
	maps.Copy(merged, a.Bindings)
	for id, n := range more.Bindings {
		have := merged[id]
		merged[id] = Compared{
			Compared: have.Compared + n.Compared, Matched: have.Matched + n.Matched, Duplicates: have.Duplicates + n.Duplicates,
		}
	}
	a.Bindings = merged
}
