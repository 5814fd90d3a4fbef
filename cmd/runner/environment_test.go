// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func of(vars map[string]string) environment { return func(name string) string { return vars[name] } }

func TestCredentialsAreNotWhatIsOurs(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"BOT_TOKEN": "x", "EMPTY": ""}
	ours := []string{"AOF_API_TOKEN", "AOF_MODEL", "K_SERVICE", "KUBERNETES_SERVICE_HOST", "PORT", "PATH", "HOME", "HOSTNAME"}
	for _, name := range ours {
		vars[name] = "ours"
	}
	e := of(vars)
	value, ok := e.lookup("BOT_TOKEN")
	assert.True(t, ok)
	assert.Equal(t, "x", value)
	for _, name := range append(ours, "EMPTY", "GONE") {
		_, ok := e.lookup(name)
		assert.False(t, ok, name)
	}
}

func TestScriptsOfTheMockProviderAreAmongTheCredentials(t *testing.T) {
	t.Parallel()
	e := of(map[string]string{"REPLIES_YAML": "default: {reply: hi}", "AOF_API_TOKEN": "s3cret"})
	file, err := e.Open("dir/replies.yaml")
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "default: {reply: hi}", string(content))
	require.NoError(t, file.Close())
	_, err = e.Open("other.yaml")
	require.ErrorContains(t, err, "OTHER_YAML")
	_, err = e.Open("aof_api_token")
	require.Error(t, err)
}

func TestNamespaceOfAToken(t *testing.T) {
	t.Parallel()
	token := func(payload string) string {
		return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
	}
	for name, test := range map[string]struct{ token, want string }{
		"a token":   {token(`{"kubernetes.io":{"namespace":"team"}}`), "team"},
		"another":   {token(`{"sub":"me"}`), ""},
		"no JSON":   {token("x"), ""},
		"no base64": {"a.?.c", ""},
		"no token":  {"x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, namespaceOf(test.token))
		})
	}
}

func TestTimesLeaveRoomForTheLastNode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		want    times
		err     bool
	}{
		"default":     {"", times{work: 9*time.Minute + 55*time.Second, attempt: 297500 * time.Millisecond}, false},
		"long":        {"1h0m0s", times{work: 59*time.Minute + 55*time.Second, attempt: 5 * time.Minute}, false},
		"short":       {"10s", times{work: 9 * time.Second, attempt: 4500 * time.Millisecond}, false},
		"too short":   {"10ms", times{}, true},
		"no duration": {"ten", times{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &process{getenv: of(map[string]string{"AOF_RUNNER_TIMEOUT": test.request})}
			got, err := p.times()
			assert.Equal(t, test.err, err != nil)
			assert.Equal(t, test.want, got)
		})
	}
}
