// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/utils/clock"

	"aof.dev/operator/test/screen"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

const patience = 30 * time.Second // how long a condition may take to come true

var announced = regexp.MustCompile(`aof dev serves \d+ bindings at (http://\S+)`)

// dev runs aof dev on a free port until the test is over. Gives somebody whose
// AOF_SERVER is that server, and what it announced.
func dev(t *testing.T, files ...string) (person, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs screen.Screen
	env := &Env{
		In: strings.NewReader(""), Out: &out, Err: &errs, Clock: clock.RealClock{},
		Getenv: func(name string) string {
			return map[string]string{"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_SIGNING_SECRET": "s3cret"}[name]
		},
	}
	args := []string{"dev", "--listen", "127.0.0.1:0", "--data", t.TempDir()}
	for _, f := range files {
		args = append(args, "-f", f)
	}
	done := make(chan int, 1)
	go func() { done <- Main(ctx, env, args) }()
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, ExitOK, <-done, "it ends in peace when it is told to: %s", errs.String())
	})
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "  events ") }, patience, 5*time.Millisecond)
	url := announced.FindStringSubmatch(out.String())
	require.Len(t, url, 2, out.String())
	return person{vars: map[string]string{"AOF_SERVER": url[1]}}, out.String()
}

func TestDevAnnouncesWhereItServes(t *testing.T) {
	t.Parallel()
	someone, out := dev(t, quickstartDir, slackDir)
	base := someone.vars["AOF_SERVER"]
	assert.Equal(t, "aof dev serves 2 bindings at "+base+`
  Slack     `+base+`/ops/slack
  HTTP      `+base+`/quickstart/web
  events    `+base+`/events/ops
  events    `+base+`/events/quickstart
`, out)
}

func TestDevBadInput(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no files":        {nil, "-f PATH"},
		"a missing file":  {[]string{"-f", "/nope.yaml"}, "no such file"},
		"an invalid file": {[]string{"-f", writeFile(t, "c.yaml", misspelt)}, "spec.namespce"},
		"a port in use":   {[]string{"-f", quickstartDir, "--listen", taken.Addr().String()}, "--listen"},
	} {
		got := aof(t, append([]string{"dev", "--data", t.TempDir()}, tc.args...)...)
		assert.Equal(t, ExitBadInput, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
		assert.Empty(t, got.out, name)
	}
}
