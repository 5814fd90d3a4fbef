// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fold

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestArrivalsAdd(t *testing.T) {
	t.Parallel()
	old := &LastEvent{Timestamp: noon, Type: "old"}
	late := &LastEvent{Timestamp: noon.Add(time.Second), Type: "late"}
	a := Arrivals{
		Events: Events{Received: 1, Processed: 1, Last: late}, Bindings: map[string]Compared{"a/x": {Compared: 1, Matched: 1}},
		Writers: []Writer{{ID: "w", Seq: 3}},
	}
	a.Add(&Arrivals{
		Events: Events{Received: 2, Dropped: 2, Errors: 4, TotalProcessing: time.Second, Last: old}, Unsent: 1,
		Bindings: map[string]Compared{"a/x": {Compared: 2}, "a/y": {Compared: 2, Matched: 2}},
	})
	assert.Equal(t, Arrivals{
		Events: Events{Received: 3, Processed: 1, Dropped: 2, Errors: 4, TotalProcessing: time.Second, Last: late}, Unsent: 1,
		Bindings: map[string]Compared{"a/x": {Compared: 3, Matched: 1}, "a/y": {Compared: 2, Matched: 2}},
		Writers:  []Writer{{ID: "w", Seq: 3}},
	}, a)
}

func TestArrivalsAreEventsAndMore(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(Arrivals{Events: Events{Received: 7}, Bindings: map[string]Compared{"a/x": {Compared: 7, Matched: 1}}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"received":7,"bindings":{"a/x":{"compared":7,"matched":1}}}`, string(raw))
	var events Events
	require.NoError(t, json.Unmarshal(raw, &events))
	assert.Equal(t, int64(7), events.Received)
}
