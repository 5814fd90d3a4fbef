// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sourcetest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/source"
)

// now is the time of every test, a whole second so that windows end exactly.
var now = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

func testValid(t *testing.T, h Harness) {
	t.Helper()
	r, messages := receiver(t, h), 0
	require.NotEmpty(t, h.Valid)
	for _, body := range h.Valid {
		d, err := receive(t, h, r, h.Sign(now, body), now)
		require.NoError(t, err)
		messages += len(d.Messages)
	}
	assert.Positive(t, messages, "nothing gives a message")
}

func testDeterminism(t *testing.T, h Harness) {
	t.Helper()
	one, other := receiver(t, h), receiver(t, h)
	for _, body := range h.Valid {
		req := h.Sign(now, body)
		first, err := receive(t, h, one, req, now)
		require.NoError(t, err)
		again, err := receive(t, h, one, req, now)
		require.NoError(t, err)
		assert.Equal(t, first, again)
		elsewhere, err := receive(t, h, other, req, now)
		require.NoError(t, err)
		assert.Equal(t, first, elsewhere)
	}
}

func testUnsigned(t *testing.T, h Harness) {
	t.Helper()
	r := receiver(t, h)
	for _, body := range h.Valid {
		req := h.Sign(now, body)
		req.Query = nil
		req.Header = http.Header{"Content-Type": req.Header.Values("Content-Type")}
		refused(t, h, r, req, now)
	}
}

func testOtherSecret(t *testing.T, h Harness) {
	t.Helper()
	other, changed := h, false
	other.Settings.Config = maps.Clone(h.Settings.Config)
	for key, value := range other.Settings.Config {
		if s, ok := value.(string); ok && slices.Contains(h.Secrets, s) {
			other.Settings.Config[key], changed = strings.Repeat("x", len(s)), true
		}
	}
	require.True(t, changed, "no secret stands in the configuration")
	refused(t, h, receiver(t, other), h.Sign(now, h.Valid[0]), now)
}

func testTampered(t *testing.T, h Harness) {
	t.Helper()
	if h.Token {
		t.Skip("the credential doesn't cover the body")
	}
	r := receiver(t, h)
	for _, body := range h.Valid {
		req := h.Sign(now, body)
		req.Body = append(slices.Clone(body), ' ')
		refused(t, h, r, req, now)
	}
}

func testWindow(t *testing.T, h Harness) {
	t.Helper()
	if h.Window == 0 {
		t.Skip("requests don't tell their time")
	}
	r, req := receiver(t, h), h.Sign(now, h.Valid[0])
	for _, off := range []time.Duration{-h.Window, h.Window} {
		_, err := receive(t, h, r, req, now.Add(off))
		require.NoError(t, err, "%s off", off)
	}
	for _, off := range []time.Duration{-h.Window - time.Second, h.Window + time.Second, -10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		refused(t, h, r, req, now.Add(off))
	}
}

func testBrokenHeaders(t *testing.T, h Harness) {
	t.Helper()
	r, good := receiver(t, h), h.Sign(now, h.Valid[0])
	for name, values := range good.Header {
		if name == "Content-Type" || len(values) == 0 {
			continue
		}
		value := values[0]
		broken := []string{"", " ", "\x00", "é", "-", "99999999999999999999", "=", "v0=", strings.Repeat("v0=", 1<<15), value + value}
		for n := range value {
			broken = append(broken, value[:n])
		}
		for _, b := range broken {
			req := good
			req.Header = good.Header.Clone()
			req.Header.Set(name, b)
			// Some headers, such as a delivery's id, may be anything.
			_, _ = receive(t, h, r, req, now)
		}
	}
}

func testMalformed(t *testing.T, h Harness) {
	t.Helper()
	r := receiver(t, h)
	bodies := []string{
		"", " ", "{", "{}", "[]", "null", "true", "1", `""`, "\xff\xfe", "\x00", "%zz=%", "payload=%7B", "&&&===",
		`{"type":1}`, `{"type":null,"event":7}`, `{"event":{"type":"message"}}`, `{"a":1}{"a":1}`, `{"a":1e999}`,
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), `{"a":` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + `}`,
	}
	for _, valid := range h.Valid {
		bodies = append(bodies, string(valid[:len(valid)/2]), string(valid)+string(valid))
	}
	for _, body := range bodies {
		_, _ = receive(t, h, r, h.Sign(now, []byte(body)), now)
	}
}

func testUntouched(t *testing.T, h Harness) {
	t.Helper()
	r := receiver(t, h)
	for _, body := range h.Valid {
		req, twin := h.Sign(now, slices.Clone(body)), h.Sign(now, slices.Clone(body))
		_, err := receive(t, h, r, req, now)
		require.NoError(t, err)
		assert.Equal(t, twin, req)
	}
}

func testConcurrent(t *testing.T, h Harness) {
	t.Helper()
	r, req := receiver(t, h), h.Sign(now, h.Valid[0])
	want, err := receive(t, h, r, req, now)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := r.Receive(t.Context(), req, now)
			assert.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
	wg.Wait()
}

func testUnconfigured(t *testing.T, h Harness) {
	t.Helper()
	settings := h.Settings
	settings.Config = maps.Clone(h.Settings.Config)
	for key, value := range settings.Config {
		if s, ok := value.(string); ok && slices.Contains(h.Secrets, s) {
			settings.Config[key] = map[string]any{"no": "text"}
		}
	}
	_, err := h.Platform.NewReceiver(settings)
	require.Error(t, err, "a secret that is no text was taken")
	checkError(t, h, err)
}

func receiver(t *testing.T, h Harness) source.Receiver {
	t.Helper()
	r, err := h.Platform.NewReceiver(h.Settings)
	require.NoError(t, err)
	return r
}

// receive checks what holds for every answer.
func receive(t *testing.T, h Harness, r source.Receiver, req source.Request, at time.Time) (source.Delivery, error) {
	t.Helper()
	d, err := r.Receive(t.Context(), req, at)
	if err != nil {
		assert.Empty(t, d.Messages, "messages came with an error")
		checkError(t, h, err)
		return d, err
	}
	for _, m := range d.Messages {
		require.NoError(t, m.Check())
		encoded, err := json.Marshal(m)
		require.NoError(t, err)
		checkSecrets(t, h, string(encoded))
	}
	checkSecrets(t, h, d.Ignored)
	if d.Reply != nil {
		checkSecrets(t, h, string(d.Reply.Body))
	}
	return d, nil
}

func refused(t *testing.T, h Harness, r source.Receiver, req source.Request, at time.Time) {
	t.Helper()
	_, err := receive(t, h, r, req, at)
	require.Error(t, err)
	assert.Equal(t, source.Unauthenticated, source.KindOf(err), "%v", err)
}

func checkError(t *testing.T, h Harness, err error) {
	t.Helper()
	var e *source.Error
	require.ErrorAs(t, err, &e)
	assert.NotEmpty(t, err.Error())
	assert.Less(t, len(err.Error()), 1024, "the error is too long to be shown")
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		checkSecrets(t, h, cause.Error())
	}
}

func checkSecrets(t *testing.T, h Harness, text string) {
	t.Helper()
	for _, s := range h.Secrets {
		assert.NotContains(t, text, s, "a secret is shown")
	}
}
