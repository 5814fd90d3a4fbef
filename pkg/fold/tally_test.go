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

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestTallyCounts(t *testing.T) {
	t.Parallel()
	var tally Tally
	for i := range 10 {
		outcome := Succeeded
		if i%5 == 4 {
			outcome = Failed
		}
		tally.Add(Run{EventID: "e", Pattern: "pod", Outcome: outcome, Ended: noon.Add(time.Duration(i) * time.Minute), Duration: time.Duration(i+1) * time.Second})
	}
	assert.Equal(t, int64(10), tally.Executions)
	assert.Equal(t, int64(8), tally.Successes)
	assert.Equal(t, int64(2), tally.Failures)
	assert.Equal(t, 0.8, tally.SuccessRate())
	assert.Equal(t, map[string]int64{"pod": 10}, tally.Patterns)
	assert.Equal(t, 5500*time.Millisecond, tally.Average())
	assert.Equal(t, 10*time.Second, tally.Percentile(0.95), "nearest rank: the 10th of 10")
	assert.Equal(t, 5*time.Second, tally.Percentile(0.5))
	assert.False(t, tally.Last.Successful, "the run that ended last failed")
}

func TestAnEmptyTallySaysNothing(t *testing.T) {
	t.Parallel()
	var tally Tally
	assert.Zero(t, tally.SuccessRate())
	assert.Zero(t, tally.Average())
	assert.Zero(t, tally.Percentile(0.99))
	assert.Zero(t, tally.LastHour(noon))
}

func TestWindowsForgetWhatIsOld(t *testing.T) {
	t.Parallel()
	var tally Tally
	for _, ago := range []time.Duration{25 * time.Hour, 90 * time.Minute, 30 * time.Minute, 0} {
		tally.Add(Run{Ended: noon.Add(-ago)})
	}
	assert.Equal(t, int64(2), tally.LastHour(noon))
	assert.Equal(t, int64(3), tally.LastDay(noon))
	assert.Equal(t, int64(0), tally.LastHour(noon.Add(2*time.Hour)), "time passes without a run")
	assert.Len(t, tally.Hours, 3, "a slot older than a day is not kept")
}

func TestALateFoldDoesNotTurnTheLastRunBack(t *testing.T) {
	t.Parallel()
	var tally Tally
	tally.Add(Run{EventID: "new", Ended: noon})
	tally.Add(Run{EventID: "old", Ended: noon.Add(-time.Hour)})
	assert.Equal(t, "new", tally.Last.EventID)
}

func TestSamplesAreBounded(t *testing.T) {
	t.Parallel()
	var tally Tally
	for i := range 3 * maxSamples {
		tally.Add(Run{Ended: noon, Duration: time.Duration(i)})
	}
	assert.Len(t, tally.Samples, maxSamples)
	assert.Equal(t, time.Duration(3*maxSamples-1), tally.Percentile(1), "the latest are kept")
}

func TestTallyIsPlainData(t *testing.T) {
	t.Parallel()
	var tally Tally
	tally.Add(Run{EventID: "e", Pattern: "p", Ended: noon, Duration: time.Second})
	raw, err := json.Marshal(tally)
	require.NoError(t, err)
	var back Tally
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, tally, back)
}

func TestEventRates(t *testing.T) {
	t.Parallel()
	assert.Zero(t, (&Events{}).ErrorRate())
	assert.Zero(t, (&Events{}).Average())
	e := Events{Received: 3, Errors: 1, TotalProcessing: 3 * time.Millisecond}
	assert.Equal(t, 0.25, e.ErrorRate())
	assert.Equal(t, time.Millisecond, e.Average())
}
