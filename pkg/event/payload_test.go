// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

func TestParseObject(t *testing.T) {
	t.Parallel()
	object, ok, err := event.ParseObject([]byte(" \n" + `{"n":1,"f":0.5,"max":9007199254740992,"id":9007199254740993,"neg":-12345678901234567890,"e":1e400,"l":[1e3,{"x":2}]} `))
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, map[string]any{
		"n": 1.0, "f": 0.5, "max": 9007199254740992.0, "id": "9007199254740993", "neg": "-12345678901234567890", "e": "1e400",
		"l": []any{1000.0, map[string]any{"x": 2.0}},
	}, object)
}

func TestParseObjectOfOtherThings(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", " ", "[]", "null", "1", `"{"`, "hello", "\xff"} {
		_, ok, err := event.ParseObject([]byte(data))
		require.NoError(t, err, data)
		assert.False(t, ok, data)
	}
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	_, ok, err := event.ParseObject([]byte(deep(64)))
	require.NoError(t, err)
	assert.True(t, ok)
	for _, data := range []string{"{", `{"a"}`, `{"a":1}x`, `{"a":1}}`, deep(65), strings.Repeat(`{"a":[`, 1_000_000)} {
		_, ok, err := event.ParseObject([]byte(data))
		require.ErrorIs(t, err, event.ErrInvalid)
		assert.False(t, ok)
	}
	_, ok, err = event.ParseObject([]byte(`{"text":"` + strings.Repeat(`{[\"`, 1000) + `"}`))
	require.NoError(t, err, "brackets in texts are no nesting")
	assert.True(t, ok)
}

func TestTextOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want string }{
		"text first":          {`{"message":"m","text":"t"}`, "t"},
		"then message":        {`{"message":"m","text":""}`, "m"},
		"a text that is none": {`{"text":7}`, `{"text":7}`},
		"an object":           {`{"a":1}`, `{"a":1}`},
		"a push":              {`{"ref":"refs/heads/main"}`, "refs/heads/main\n" + `{"ref":"refs/heads/main"}`},
		"an action":           {`{"action":"opened","ref":"r"}`, "r\nopened\n" + `{"action":"opened","ref":"r"}`},
		"a plain text":        {"hello", "hello"},
		"a list":              {"[1]", "[1]"},
		"bytes":               {"\xff\xfe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object, _, err := event.ParseObject([]byte(test.body))
			require.NoError(t, err)
			assert.Equal(t, test.want, event.TextOf(object, []byte(test.body)))
		})
	}
}

func TestTextOfALargeObjectIsCut(t *testing.T) {
	t.Parallel()
	body := `{"k":"` + strings.Repeat("é", 40_000) + `"}`
	object, _, err := event.ParseObject([]byte(body))
	require.NoError(t, err)
	text := event.TextOf(object, []byte(body))
	assert.LessOrEqual(t, len(text), 32<<10)
	assert.Greater(t, len(text), 32<<10-4)
	assert.True(t, strings.HasSuffix(text, "é"), "no character is split")
}
