// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

func TestFromRequest(t *testing.T) {
	t.Parallel()
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	const structured = `{"specversion":"1.0","id":"7","source":"/s","type":"t","data":{"text":"hi"}}`
	for name, test := range map[string]struct {
		header http.Header
		body   string
		err    error
	}{
		"binary": {
			header("Ce-Specversion", "1.0", "Ce-Id", "7", "Ce-Source", "/s", "Ce-Type", "t", "Content-Type", "application/json"),
			`{"text":"hi"}`, nil,
		},
		"structured":         {header("Content-Type", "application/cloudevents+json"), structured, nil},
		"a batch":            {header("Content-Type", "application/cloudevents-batch+json"), "[" + structured + "]", event.ErrMedia},
		"another format":     {header("Content-Type", "application/cloudevents+avro"), structured, event.ErrMedia},
		"no CloudEvent":      {header("Content-Type", "application/json"), `{}`, event.ErrInvalid},
		"not JSON":           {header("Content-Type", "application/cloudevents+json"), "{", event.ErrInvalid},
		"without an id":      {header("Ce-Specversion", "1.0", "Ce-Source", "/s", "Ce-Type", "t"), "", event.ErrInvalid},
		"a list for an item": {header("Content-Type", "application/cloudevents+json"), "[]", event.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := event.FromRequest(t.Context(), test.header, []byte(test.body))
			if test.err != nil {
				require.ErrorIs(t, err, test.err)
				assert.Less(t, len(err.Error()), 500)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "7", e.ID())
			assert.JSONEq(t, `{"text":"hi"}`, string(e.Data()))
		})
	}
}
