// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/sourcetest"
)

const secret = "correct horse battery"

var now = time.Date(2026, time.March, 4, 5, 6, 7, 89, time.UTC)

func signature(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func receiverOf(tb testing.TB, config map[string]any) source.Receiver {
	tb.Helper()
	r, err := NewReceiver(source.Settings{Namespace: "ns", Name: "hook", Config: config})
	require.NoError(tb, err)
	return r
}

func request(body string, headers ...string) source.Request {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return source.Request{Method: http.MethodPost, Header: h, Body: []byte(body)}
}

func one(t *testing.T, config map[string]any, req source.Request) event.Message {
	t.Helper()
	d, err := receiverOf(t, config).Receive(t.Context(), req, now)
	require.NoError(t, err)
	require.Len(t, d.Messages, 1)
	return d.Messages[0]
}

func TestConformance(t *testing.T) {
	t.Parallel()
	valid := [][]byte{[]byte(`{"text":"a pod is down"}`), []byte("plain"), []byte(`{"ref":"refs/heads/main"}`)}
	for name, h := range map[string]sourcetest.Harness{
		"signature": {Sign: func(_ time.Time, body []byte) source.Request {
			return request(string(body), "Content-Type", "application/json", "X-Hub-Signature-256", signature(secret, string(body)), "X-GitHub-Delivery", "d1")
		}},
		"bearer": {Token: true, Sign: func(_ time.Time, body []byte) source.Request {
			return request(string(body), "Authorization", "Bearer "+secret)
		}},
		"token": {Token: true, Sign: func(_ time.Time, body []byte) source.Request {
			return request(string(body), "X-AOF-Token", secret)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h.Platform, h.Valid, h.Secrets = Platform(), valid, []string{secret}
			h.Settings = source.Settings{Namespace: "ns", Name: "hook", Config: map[string]any{"secret": secret}}
			sourcetest.Run(t, h)
		})
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	const body = `{"text":"x"}`
	good := signature(secret, body)
	for _, tt := range []struct {
		name    string
		headers []string
		ok      bool
	}{
		{"signature", []string{"X-Hub-Signature-256", good}, true},
		{"signature in upper case digits", []string{"X-Hub-Signature-256", "sha256=" + strings.ToUpper(good[7:])}, true},
		{"bearer", []string{"Authorization", "bearer " + secret}, true},
		{"token", []string{"X-AOF-Token", secret}, true},
		{"a wrong signature beside the token", []string{"X-Hub-Signature-256", "sha256=00", "X-AOF-Token", secret}, true},
		{"nothing", nil, false},
		{"a signature with another secret", []string{"X-Hub-Signature-256", signature("other", body)}, false},
		{"a signature of another body", []string{"X-Hub-Signature-256", signature(secret, body+" ")}, false},
		{"half a signature", []string{"X-Hub-Signature-256", good[:39]}, false},
		{"a signature without algorithm", []string{"X-Hub-Signature-256", good[7:]}, false},
		{"an empty signature", []string{"X-Hub-Signature-256", "sha256="}, false},
		{"the secret as signature", []string{"X-Hub-Signature-256", secret}, false},
		{"basic", []string{"Authorization", "Basic " + secret}, false},
		{"bearer without token", []string{"Authorization", "Bearer"}, false},
		{"the secret without a scheme", []string{"Authorization", secret}, false},
		{"a prefix", []string{"X-AOF-Token", secret[:5]}, false},
		{"an empty token", []string{"X-AOF-Token", ""}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, key := range []string{"secret", "webhook_secret", "webhookSecret", "auth_token"} {
				_, err := receiverOf(t, map[string]any{key: secret}).Receive(t.Context(), request(body, tt.headers...), now)
				if tt.ok {
					assert.NoError(t, err, key)
					continue
				}
				require.Error(t, err, key)
				assert.Equal(t, source.Unauthenticated, source.KindOf(err))
			}
		})
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, tt := range []struct {
		name   string
		config map[string]any
		method string
		req    source.Request
		kind   source.Kind
		text   string
	}{
		{name: "POST by default", req: request("{}")},
		{name: "GET isn't", method: "GET", req: request(""), kind: source.Unsupported, text: "method"},
		{name: "a method", config: map[string]any{"method": "put"}, method: "PUT", req: request("{}")},
		{name: "one of several methods", config: map[string]any{"methods": []any{"PUT", "GET"}}, method: "GET", req: request("")},
		{name: "POST when it isn't listed", config: map[string]any{"methods": []any{"PUT", "GET"}}, req: request(""), kind: source.Unsupported, text: "method"},
		{name: "any value of a header", config: map[string]any{"headers": map[string]any{"x-sig": "*"}}, req: request("{}", "X-Sig", "anything")},
		{name: "a header is missing", config: map[string]any{"headers": map[string]any{"x-sig": "*"}}, req: request("{}"), kind: source.Malformed, text: "X-Sig is missing"},
		{name: "the value of a header", config: map[string]any{"required_headers": map[string]any{"X-GitHub-Event": "push"}}, req: request("{}", "X-GitHub-Event", "push")},
		{name: "another value of a header", config: map[string]any{"required_headers": map[string]any{"X-GitHub-Event": "push"}}, req: request("{}", "X-GitHub-Event", "ping"), kind: source.Malformed, text: "X-Github-Event has another value"},
		{name: "a number as the value", config: map[string]any{"headers": map[string]any{"X-V": 2.0}}, req: request("{}", "X-V", "2")},
		{name: "a list of headers", config: map[string]any{"requiredHeaders": []any{"X-A"}}, req: request("{}"), kind: source.Malformed, text: "X-A is missing"},
		{name: "broken JSON", req: request(`{"a":`), kind: source.Malformed, text: "broken"},
		{name: "braces in text", req: request(`{{hi}}`, "Content-Type", "text/plain; charset=utf-8")},
		{name: "too deep", req: request(deep), kind: source.Malformed, text: "nested"},
		{name: "no text", req: request("\xff\xfe"), kind: source.Malformed, text: "UTF-8"},
		{name: "too large", req: request(strings.Repeat("x", event.MaxBytes)), kind: source.Malformed, text: "too large"},
		{name: "nothing", req: request("")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.method != "" {
				tt.req.Method = tt.method
			}
			d, err := receiverOf(t, tt.config).Receive(t.Context(), tt.req, now)
			if tt.kind == "" {
				require.NoError(t, err)
				assert.Len(t, d.Messages, 1)
				return
			}
			require.ErrorContains(t, err, tt.text)
			assert.Equal(t, tt.kind, source.KindOf(err))
		})
	}
}

func TestUnsupportedMethodSaysWhichAre(t *testing.T) {
	t.Parallel()
	_, err := receiverOf(t, map[string]any{"methods": []any{"get", "PUT", "GET"}}).Receive(t.Context(), request(""), now)
	var e *source.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, []string{"GET", "PUT"}, e.Allow)
}

func TestTooLargeSaysSo(t *testing.T) {
	t.Parallel()
	_, err := receiverOf(t, nil).Receive(t.Context(), request(strings.Repeat("x", event.MaxBytes)), now)
	assert.ErrorIs(t, err, event.ErrTooLarge)
}

func TestMessage(t *testing.T) {
	t.Parallel()
	const push = `{"ref":"refs/heads/main","sender":{"login":"octocat"}}`
	form := "Content-Type"
	for _, tt := range []struct {
		name string
		req  source.Request
		want event.Message
	}{
		{"text", request(`{"text":"hi","message":"no","user":"u1","channel":"c1","type":"deploy"}`), event.Message{Type: "deploy", Text: "hi", ChannelID: "c1", User: event.User{ID: "u1"}}},
		{"message", request(`{"message":"hi"}`), event.Message{Type: "webhook", Text: "hi"}},
		{"raw body", request("hello\n"), event.Message{Type: "webhook", Text: "hello\n"}},
		{"an array", request(`[1]`), event.Message{Type: "webhook", Text: "[1]"}},
		{"push", request(push, "X-GitHub-Event", "push"), event.Message{Type: "push", Text: "refs/heads/main\n" + push, User: event.User{ID: "octocat", Username: "octocat"}}},
		{"push in a form", request("payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D", form, "application/x-www-form-urlencoded", "X-GitHub-Event", "push"), event.Message{Type: "push", Text: "refs/heads/main\n" + `{"ref":"refs/heads/main"}`}},
		{"a form", request("text=hi+there&a=1&a=2&user=u", form, "application/x-www-form-urlencoded"), event.Message{Type: "webhook", Text: "hi there", User: event.User{ID: "u"}}},
		{"JSON that claims to be a form", request(`{"text":"a=b"}`, form, "application/x-www-form-urlencoded"), event.Message{Type: "webhook", Text: "a=b"}},
		{"text that claims to be a form", request(`hello`, form, "application/x-www-form-urlencoded"), event.Message{Type: "webhook", Text: "hello"}},
		{"values that aren't texts", request(`{"text":7,"user":{"id":"x"},"channel":[],"type":{},"sender":"s"}`), event.Message{Type: "webhook", Text: `{"text":7,"user":{"id":"x"},"channel":[],"type":{},"sender":"s"}`}},
		{"a type that is none", request(`{"text":"a","type":"x\ny"}`), event.Message{Type: "webhook", Text: "a"}},
		{"a long type", request(`{"text":"a","type":"` + strings.Repeat("y", 300) + `"}`), event.Message{Type: "webhook", Text: "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := one(t, nil, tt.req)
			require.NoError(t, got.Check())
			assert.NotEmpty(t, got.ID)
			assert.Equal(t, now, got.Timestamp)
			got.ID, got.Timestamp, got.Raw, got.Metadata = "", time.Time{}, nil, nil
			tt.want.Platform = "http"
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestMessageCarriesPayloadAndHarmlessHeaders(t *testing.T) {
	t.Parallel()
	const body = `{"action":"opened","pull_request":{"number":7}}`
	m := one(t, map[string]any{"secret": secret}, request(body,
		"X-GitHub-Event", "pull_request", "User-Agent", "GitHub-Hookshot", "Content-Type", "application/json",
		"X-Hub-Signature-256", signature(secret, body), "Authorization", "Bearer "+secret, "X-AOF-Token", secret,
		"Cookie", "c=1", "X-Api-Key", "k", "X-Request-Id", strings.Repeat("r", 1000)))
	assert.Equal(t, map[string]any{
		"method": "POST", "path": "/ns/hook", "event_type": "pull_request.opened",
		"headers": map[string]any{"X-Github-Event": "pull_request", "User-Agent": "GitHub-Hookshot", "Content-Type": "application/json"},
	}, m.Metadata)
	assert.Equal(t, map[string]any{"action": "opened", "pull_request": map[string]any{"number": 7.0}}, m.Raw)
	assert.Equal(t, "pull_request.opened", m.Facts().Type)
	assert.Equal(t, m.Raw, m.Data()["body"])
}

func TestDeliveryID(t *testing.T) {
	t.Parallel()
	id := func(at time.Time, body string, headers ...string) string {
		d, err := receiverOf(t, nil).Receive(t.Context(), request(body, headers...), at)
		require.NoError(t, err)
		require.Equal(t, &source.Reply{Status: 202, ContentType: "application/json", Body: []byte(`{"accepted":true,"id":"` + d.Messages[0].ID + `"}`)}, d.Reply)
		return d.Messages[0].ID
	}
	for _, h := range []string{"X-Request-Id", "X-GitHub-Delivery", "Idempotency-Key", "Webhook-Id"} {
		assert.Equal(t, "d-1", id(now, "x", h, "d-1"), h)
		assert.Equal(t, id(now, "x", h, "d-1"), id(now.Add(time.Hour), "y", h, "d-1"), h)
	}
	assert.Equal(t, "g", id(now, "x", "X-Request-Id", "of a proxy", "X-GitHub-Delivery", "g"), "a proxy's id changes with every attempt")
	long := strings.Repeat("d", 1000)
	assert.Len(t, id(now, "x", "Webhook-Id", long), 64)
	assert.NotEqual(t, id(now, "x", "Webhook-Id", long), id(now, "x", "Webhook-Id", long+"d"))

	assert.Len(t, id(now, "x"), 64)
	first := id(now, "x")
	assert.Equal(t, first, id(now, "x"), "the same call read twice")
	assert.NotEqual(t, id(now, "x"), id(now.Add(time.Nanosecond), "x"), "another call")
	assert.NotEqual(t, id(now, "x"), id(now, "y"))
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config map[string]any
		err    string
	}{
		{"an empty secret", map[string]any{"secret": ""}, "config.secret is empty"},
		{"a blank secret", map[string]any{"webhook_secret": " "}, "config.webhook_secret is empty"},
		{"no secret at all", map[string]any{"secret": nil}, "config.secret is empty"},
		{"an unresolved secret", map[string]any{"secret": "${HOOK}"}, "reference"},
		{"a number as secret", map[string]any{"secret": 7}, "not a text"},
		{"an unknown way to authenticate", map[string]any{"auth": map[string]any{"type": "Basic", "token": secret}}, "Bearer"},
		{"no token", map[string]any{"auth": map[string]any{"type": "Bearer"}}, "config.auth.token is empty"},
		{"an odd authentication", map[string]any{"auth": secret}, "config.auth"},
		{"an odd type", map[string]any{"auth_type": "hmac", "auth_token": secret}, "config.auth_type"},
		{"a type without a token", map[string]any{"auth_type": "bearer"}, "config.auth_token"},
		{"no method", map[string]any{"method": "FETCH"}, "config.method"},
		{"odd methods", map[string]any{"methods": []any{1}}, "config.method"},
		{"odd headers", map[string]any{"headers": 1}, "config.headers"},
		{"an odd value", map[string]any{"headers": map[string]any{"X": []any{}}}, `config.headers["X"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := NewReceiver(source.Settings{Config: tt.config})
			require.ErrorContains(t, err, tt.err)
			assert.Nil(t, r)
			assert.NotContains(t, err.Error(), secret)
			var e *source.Error
			assert.ErrorAs(t, err, &e)
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	warned := func(config map[string]any) []string {
		w, ok := receiverOf(t, config).(source.Warner)
		require.True(t, ok)
		return w.Warnings()
	}
	assert.Equal(t, []string{"config.secret is not set: anybody who knows the address can call it"}, warned(nil))
	assert.Empty(t, warned(map[string]any{
		"secret": secret, "methods": []any{"POST"}, "requiredHeaders": map[string]any{}, "patterns": []any{"x"}, "users": []any{}, "event_types": []any{},
	}))
	assert.Equal(t, []string{"config.path has no effect: the address is assigned", `config key "sercet" is unknown`},
		warned(map[string]any{"auth": map[string]any{"type": "Bearer", "token": secret}, "path": "/hook", "sercet": "hunter2"}))
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	reg := source.NewRegistry(Platform())
	for _, name := range []string{"HTTP", "http", "Webhook"} {
		p, ok := reg.Lookup(name)
		require.True(t, ok, name)
		assert.Nil(t, p.NewMessenger)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"text":"a","user":"u","type":"t"}`), "application/json", "push", "id")
	f.Add([]byte(`payload={"ref":"x"}&a=b`), "application/x-www-form-urlencoded", "", "")
	f.Add([]byte("\xff"), "text/plain", "\x00", "é")
	f.Add([]byte(`{{`), "text/plain; charset", "a b", strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, body []byte, contentType, kind, id string) {
		req := request(string(body), "Content-Type", contentType, "X-GitHub-Event", kind, "X-Request-Id", id)
		open, closed := receiverOf(t, nil), receiverOf(t, map[string]any{"secret": secret})
		_, err := closed.Receive(t.Context(), req, now)
		require.Equal(t, source.Unauthenticated, source.KindOf(err))
		d, err := open.Receive(t.Context(), req, now)
		again, err2 := open.Receive(t.Context(), req, now)
		require.Equal(t, d, again)
		if err != nil {
			require.EqualError(t, err2, err.Error())
			require.Equal(t, source.Malformed, source.KindOf(err))
			require.Less(t, len(err.Error()), 512)
			require.Empty(t, d.Messages)
			return
		}
		require.Len(t, d.Messages, 1)
		m := d.Messages[0]
		require.NoError(t, m.Check())
		e, err := m.CloudEvent("ns", "hook", nil)
		require.NoError(t, err)
		back, err := event.FromCloudEvent(e)
		require.NoError(t, err)
		require.Equal(t, m.ID, back.ID)
		require.Equal(t, m.Type, back.Type)
	})
}
