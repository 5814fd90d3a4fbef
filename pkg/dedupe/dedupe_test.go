// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package dedupe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/dedupe"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for key, says := range map[string]string{
		"${event.alert.name}/${event.host:-none}": "",
		"${trigger.text}":                         "",
		"{{event.body.id}}":                       "",
		"${event.a:-${event.b}}":                  "",
		"always":                                  "names nothing of the event",
		"":                                        "names nothing of the event",
		"${event}":                                "${event} is nothing of the event",
		"${event.id}/${SECRET}":                   "${SECRET} is nothing of the event",
		"${event.a:-${env.X}}":                    "${env.X} is nothing of the event",
		"${event.id":                              "never closed",
		strings.Repeat("x", dedupe.MaxKey+1):      "is longer than",
	} {
		err := dedupe.CheckKey(key)
		if says == "" {
			assert.NoError(t, err, "%.40q", key)
		} else {
			assert.ErrorContains(t, err, says, "%.40q", key)
		}
	}
}

func TestCheckWindow(t *testing.T) {
	t.Parallel()
	for window, ok := range map[time.Duration]bool{
		0: false, -time.Second: false, time.Millisecond: false, time.Second: true, 7 * 24 * time.Hour: true, 7*24*time.Hour + 1: false,
	} {
		assert.Equal(t, ok, dedupe.CheckWindow(window) == nil, window.String())
	}
}

func TestAKeyIsADigestOfBindingAndText(t *testing.T) {
	t.Parallel()
	rule := dedupe.Rule{Key: "${event.a}/${event.b:-none}", Window: time.Minute}
	key := func(binding string, data map[string]any) string {
		got, ok, err := rule.Of(binding, data)
		require.NoError(t, err)
		require.True(t, ok)
		return got
	}
	first := key("uid", map[string]any{"a": "disk", "n": 1.0})
	assert.Regexp(t, `^[0-9a-v]{32}$`, first)
	assert.Equal(t, first, key("uid", map[string]any{"a": "disk", "b": "none"}), "what comes to the same text is the same")
	for _, other := range []string{
		key("other", map[string]any{"a": "disk"}), key("uid", map[string]any{"a": "disk", "b": "x"}), key("uid", map[string]any{"a": "Disk"}),
		key("uidd", map[string]any{"a": "isk"}),
	} {
		assert.NotEqual(t, first, other)
	}
	// Text from outside is data, whatever it looks like.
	assert.NotContains(t, key("uid", map[string]any{"a": "${event.b}"}), "$")

	for _, data := range []map[string]any{{}, {"a": ""}, {"a": nil}, {"b": "x"}} {
		_, ok, err := rule.Of("uid", data)
		require.NoError(t, err)
		assert.False(t, ok, "%v", data)
	}
	_, _, err := dedupe.Rule{Key: "x"}.Of("uid", nil)
	require.ErrorContains(t, err, "match.dedupe.key")
	_, _, err = dedupe.Rule{Key: "${event.a}"}.Of("uid", map[string]any{"a": strings.Repeat("x", 2<<20)})
	require.Error(t, err)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	rule := &dedupe.Rule{Key: "${event.a}", Window: time.Minute}
	assert.Equal(t, `; a duplicate if another with the key "di\nsk" came within 1m0s`, rule.Explain(map[string]any{"a": "di\nsk"}))
	assert.Contains(t, rule.Explain(nil), "a duplicate of none")
	assert.Empty(t, (*dedupe.Rule)(nil).Explain(nil))
}

func TestDecide(t *testing.T) {
	t.Parallel()
	const window = 10 * time.Minute
	entry := func(made bool) *dedupe.Entry {
		return &dedupe.Entry{Run: "first", First: noon, Until: noon.Add(window), Claimed: noon, Made: made}
	}
	at := noon.Add
	fresh := func(run string, d time.Duration) dedupe.Entry {
		return dedupe.Entry{Run: run, First: at(d), Until: at(d + window), Claimed: at(d)}
	}
	renewed := *entry(false)
	renewed.Claimed = at(time.Minute)
	for name, tt := range map[string]struct {
		have *dedupe.Entry
		run  string
		seen dedupe.Seen
		now  time.Duration
		step dedupe.Step
		next dedupe.Entry
	}{
		"nothing is kept":                         {nil, "a", dedupe.Unknown, 0, dedupe.Take, fresh("a", 0)},
		"the same event, whose run was made":      {entry(true), "first", dedupe.Unknown, time.Minute, dedupe.Mine, *entry(true)},
		"and however late":                        {entry(true), "first", dedupe.Unknown, time.Hour, dedupe.Mine, *entry(true)},
		"the same event, whose run was not":       {entry(false), "first", dedupe.Unknown, time.Minute, dedupe.Take, renewed},
		"another, within the window":              {entry(true), "a", dedupe.Unknown, window - 1, dedupe.Duplicate, *entry(true)},
		"another, when the window is over":        {entry(true), "a", dedupe.Unknown, window, dedupe.Take, fresh("a", window)},
		"another, and nobody knows":               {entry(false), "a", dedupe.Unknown, time.Second, dedupe.Look, *entry(false)},
		"another, and the run is there":           {entry(false), "a", dedupe.There, time.Hour / 12, dedupe.Duplicate, *entry(true)},
		"another, and the run may come":           {entry(false), "a", dedupe.Absent, dedupe.Grace - 1, dedupe.Wait, *entry(false)},
		"another, and the run did not come":       {entry(false), "a", dedupe.Absent, dedupe.Grace, dedupe.Take, fresh("a", dedupe.Grace)},
		"a run that never came, and a late other": {entry(false), "a", dedupe.Unknown, window, dedupe.Take, fresh("a", window)},
	} {
		step, next := dedupe.Decide(tt.have, tt.run, window, tt.seen, at(tt.now))
		assert.Equal(t, tt.step, step, name)
		assert.Equal(t, tt.next, next, name)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	short := dedupe.Entry{First: noon, Until: noon.Add(time.Second), Claimed: noon}
	assert.False(t, short.Expired(noon.Add(dedupe.Grace-1)))
	assert.True(t, short.Expired(noon.Add(dedupe.Grace)))
	long := dedupe.Entry{First: noon, Until: noon.Add(time.Hour), Claimed: noon}
	assert.False(t, long.Expired(noon.Add(time.Hour-1)))
	assert.True(t, long.Expired(noon.Add(time.Hour)))
}
