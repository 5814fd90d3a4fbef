// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// escapes are the sequences the progress of a run is drawn with: cursor up,
// erase the line, colours. No other may come out.
var escapes = regexp.MustCompile(`\x1b\[(\d+A|2K|[0-9;]*m)`)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"line breaks":        {"a\r\n b\n\n\tc", "a b c"},
		"escape sequences":   {"a\x1b[31mb\x1b]0;owned\x07c", "a [31mb ]0;owned c"},
		"one-byte sequences": {"a\u009b31mb\u0085c", "a 31mb c"},
		"another direction":  {"a\u202eb\u2066c", "abc"},
		"not UTF-8":          {"a\x9bb", "a\ufffdb"},
		"as long as may be":  {"äöüßé", "äöüßé"},
		"longer":             {"äöüßé!", "äöüßé…"},
		"empty":              {"", ""},
	} {
		most := 80
		if strings.HasPrefix(tc.in, "ä") {
			most = 5
		}
		assert.Equal(t, tc.want, oneLine(tc.in, most), name)
	}
}

func TestIndent(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "  a\n\n  b", indent("a\n\nb\n\n"))
	assert.Equal(t, "  a [2Jb\tc", indent("a\x1b[2Jb\tc"))
	assert.Equal(t, "  over  write", indent("over\r write"))
}

func TestJSONForTerminals(t *testing.T) {
	t.Parallel()
	const text = "a\x7fb\u009b31m\u202ec\u00e9 \U0001f680"
	raw, err := json.Marshal(map[string]string{text: text})
	require.NoError(t, err)
	got := string(escaped(raw))
	assert.Contains(t, got, `:"a\u007fb\u009b31m\u202ecé 🚀"`)
	var read map[string]string
	require.NoError(t, json.Unmarshal([]byte(got), &read))
	assert.Equal(t, map[string]string{text: text}, read, "the same JSON")
}

func TestShortTime(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Nanosecond: "0s", 123456 * time.Nanosecond: "120µs",
		1234567 * time.Nanosecond: "1ms", 1234 * time.Millisecond: "1.2s", 90 * time.Second: "1m30s",
	} {
		assert.Equal(t, want, shortTime(d))
	}
}

// hostile drives a terminal when it is printed as it stands.
const hostile = "x\x1b[2J\x1b]0;owned\x07\u009b31my\rz"

func TestNothingFromOutsideDrivesTheTerminal(t *testing.T) {
	t.Parallel()
	event := writeFile(t, "event.yaml", `{text: "x\e[2J\e]0;owned\a\u009b31my\rz", user: bob}`)
	flows := map[string]string{
		"in an answer":    sayNode,
		"in an error":     `{id: a, type: Transform, config: {script: "echo \"${event.text}\" >&2; exit 1"}}`,
		"in a question":   `{id: a, type: Approval, config: {message: "${event.text}"}}`,
		"in a long error": `{id: a, type: Agent, config: {inline: {name: i, model: "mock:echo", instructions: x}, input: "${event.text}"}}`,
	}
	for name, node := range flows {
		for _, terminal := range []bool{false, true} {
			got := person{terminal: terminal, width: 60}.aof(t, "run", "f", "-f", writeFile(t, "f.yaml", flowYAML("f", node)), "--event", event)
			assert.NotEqual(t, ExitBadInput, got.code, got.errs)
			assert.Contains(t, got.out, "owned", "%s: the text itself is shown", name)
			errs := got.errs
			if terminal {
				errs = escapes.ReplaceAllString(errs, "")
			}
			for _, bad := range []string{"\x1b", "\x07", "\u009b", "\r"} {
				assert.NotContains(t, got.out, bad, name)
				assert.NotContains(t, errs, bad, name)
			}
		}
	}
	for _, args := range [][]string{
		{"run", hostile, "-f", quickstartDir},
		{"explain", "-f", quickstartDir, "--text", "x", "-o", hostile},
		{"get", hostile},
		{hostile},
	} {
		got := aof(t, args...)
		assert.Equal(t, ExitBadInput, got.code)
		assert.NotContains(t, got.errs, "\x1b")
		assert.NotContains(t, got.errs, "\u009b")
	}
}
