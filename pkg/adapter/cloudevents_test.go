// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
)

const structured = `{"specversion":"1.0","id":"1","source":"/s","type":"t","aoftrigger":"x","datacontenttype":"application/json","data":{"a":1}}`

func binaryHeaders(more ...string) map[string]string {
	h := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": "t", "Ce-Aoftrigger": "x", "Content-Type": "application/json"}
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

func send(t *testing.T, h http.Handler, method, path, body string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for k, v := range headers {
		r.Header[k] = []string{v}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	ce := map[string]string{"Content-Type": "application/cloudevents+json; charset=utf-8"}
	for _, tt := range []struct {
		name    string
		method  string
		path    string
		headers map[string]string
		body    string
		err     error
		panics  bool
		status  int
		text    string
		header  map[string]string
	}{
		{name: "structured", headers: ce, body: structured, status: 202},
		{name: "binary", headers: binaryHeaders(), body: `{"a":1}`, status: 202},
		{name: "not POST", method: http.MethodGet, headers: ce, body: structured, status: 405, text: "POST", header: map[string]string{"Allow": "POST"}},
		{name: "batch", headers: map[string]string{"Content-Type": "application/cloudevents-batch+json"}, body: "[" + structured + "]", status: 415, text: "one CloudEvent per request"},
		{name: "another format", headers: map[string]string{"Content-Type": "application/cloudevents+avro"}, body: "x", status: 415, text: "application/cloudevents+json"},
		{name: "no CloudEvent", headers: map[string]string{"Content-Type": "application/json"}, body: structured, status: 400, text: "Ce-Specversion"},
		{name: "unknown version", headers: binaryHeaders("Ce-Specversion", "9.9"), body: `{}`, status: 400, text: "not a valid CloudEvent"},
		{name: "broken JSON", headers: ce, body: "{", status: 400, text: "not a valid CloudEvent"},
		{name: "empty", headers: ce, status: 400, text: "not a valid CloudEvent"},
		{name: "without id", headers: ce, body: `{"specversion":"1.0","source":"/s","type":"t"}`, status: 400, text: "id"},
		{name: "without type", headers: map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s"}, status: 400, text: "type"},
		{name: "bad time", headers: binaryHeaders("Ce-Time", "yesterday"), body: `{}`, status: 400, text: "not a valid CloudEvent"},
		{name: "a header without a name", headers: binaryHeaders("Ce-", "x"), body: `{}`, status: 400, text: "can't be read"},
		{name: "too large", headers: ce, body: strings.Repeat("x", event.MaxBytes+1), status: 413, text: "262144"},
		{name: "called invalid", headers: ce, body: structured, err: fmt.Errorf("%w: odd", event.ErrInvalid), status: 400, text: "event is invalid: odd"},
		{name: "called too large", headers: ce, body: structured, err: fmt.Errorf("%w: odd", event.ErrTooLarge), status: 413, text: "event is too large: odd"},
		{name: "store down", headers: ce, body: structured, err: errors.New("hunter2"), status: 503, text: `{"error":"the event can't be taken now"}`, header: map[string]string{"Retry-After": "5"}},
		{name: "panic", headers: ce, body: structured, panics: true, status: 500, text: `{"error":"internal error"}`},
		{name: "no namespace", path: "/events/", headers: ce, body: structured, status: 404},
		{name: "two segments", path: "/events/ns/x", headers: ce, body: structured, status: 404},
		{name: "upper case", path: "/events/Ns", headers: ce, body: structured, status: 404},
		{name: "escaped", path: "/events/ns%2Fx", headers: ce, body: structured, status: 404},
		{name: "too long", path: "/events/" + strings.Repeat("n", 64), headers: ce, body: structured, status: 404},
		{name: "outside", path: "/eventsns", headers: ce, body: structured, status: 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			if tt.path == "" {
				tt.path = "/events/ns"
			}
			var got []cloudevents.Event
			h := CloudEvents("/events", func(ctx context.Context, namespace string, e cloudevents.Event) error {
				if tt.panics {
					panic("hunter2")
				}
				_, bounded := ctx.Deadline()
				assert.True(t, bounded)
				assert.Equal(t, "ns", namespace)
				got = append(got, e)
				return tt.err
			})
			w := send(t, h, tt.method, tt.path, tt.body, tt.headers)
			assert.Equal(t, tt.status, w.Code, w.Body)
			assert.Contains(t, w.Body.String(), tt.text)
			assert.LessOrEqual(t, w.Body.Len(), 600)
			for k, v := range tt.header {
				assert.Equal(t, v, w.Header().Get(k))
			}
			if tt.status != 202 {
				return
			}
			assert.Empty(t, w.Body.String())
			require.Len(t, got, 1)
			assert.Equal(t, "1", got[0].ID())
			assert.Equal(t, "x", got[0].Extensions()["aoftrigger"])
			assert.JSONEq(t, `{"a":1}`, string(got[0].Data()))
		})
	}
}

func TestCloudEventsOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	inside := errors.New("not called")
	h := CloudEvents("/", func(ctx context.Context, _ string, _ cloudevents.Event) error {
		cancel()
		inside = ctx.Err()
		return nil
	})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/ns", strings.NewReader(structured))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	h.ServeHTTP(httptest.NewRecorder(), r)
	assert.NoError(t, inside)
}

func FuzzCloudEvents(f *testing.F) {
	f.Add("application/cloudevents+json", "", "", structured)
	f.Add("application/json", "1.0", "x", `{"a":1}`)
	f.Add("", "0.3", "", "")
	f.Fuzz(func(t *testing.T, contentType, version, extension, body string) {
		calls := 0
		h := CloudEvents("/", func(_ context.Context, _ string, e cloudevents.Event) error {
			calls++
			return e.Validate()
		})
		w := send(t, h, http.MethodPost, "/ns", body, binaryHeaders("Content-Type", contentType, "Ce-Specversion", version, "Ce-"+extension, "v"))
		assert.Equal(t, w.Code == http.StatusAccepted, calls == 1)
		assert.NotEqual(t, http.StatusServiceUnavailable, w.Code, "what we handed on was not valid")
	})
}
