// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
)

// impatient is a clock whose tickers tick at once and again and again.
type impatient struct{ clock.WithTicker }

func (impatient) NewTicker(time.Duration) clock.Ticker {
	return clock.RealClock{}.NewTicker(time.Millisecond)
}

func TestWhereAVerbWorks(t *testing.T) {
	t.Parallel()
	var asked string
	list := func(who string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked = who
			reply(w, http.StatusOK, map[string]any{"apiVersion": "aof.dev/v1", "kind": "FlowRunList", "metadata": map[string]any{}, "items": []any{}})
		}))
		t.Cleanup(server.Close)
		return server
	}
	named, standing := list("the one that is named"), list("the one that stands there")
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	c := newCluster(t)
	config := c.user().vars["KUBECONFIG"]

	for name, tc := range map[string]struct {
		program, standing string
		vars              map[string]string
		args              []string
		want              string
	}{
		"--server":                      {standing: standing.URL, args: []string{"--server", named.URL}, want: "the one that is named"},
		"AOF_SERVER":                    {standing: standing.URL, vars: map[string]string{"AOF_SERVER": named.URL, "KUBECONFIG": config}, want: "the one that is named"},
		"nothing is said":               {standing: standing.URL, vars: map[string]string{"KUBECONFIG": config}, want: "the one that stands there"},
		"-n alone says nothing":         {standing: standing.URL, vars: map[string]string{"KUBECONFIG": config}, args: []string{"-n", "x"}, want: "the one that stands there"},
		"nobody stands there":           {vars: map[string]string{"KUBECONFIG": config}, want: "the cluster"},
		"a stranger stands there":       {standing: stranger.URL, vars: map[string]string{"KUBECONFIG": config}, want: "the cluster"},
		"--kubeconfig":                  {standing: standing.URL, args: []string{"--kubeconfig", config}, want: "the cluster"},
		"--context":                     {standing: standing.URL, vars: map[string]string{"KUBECONFIG": config, "AOF_SERVER": named.URL}, args: []string{"--context", "fake"}, want: "the cluster"},
		"kubectl aof":                   {program: "kubectl-aof", standing: standing.URL, vars: map[string]string{"KUBECONFIG": config, "AOF_SERVER": named.URL}, want: "the cluster"},
		"kubectl aof --server":          {program: "kubectl-aof", vars: map[string]string{"KUBECONFIG": config}, args: []string{"--server", named.URL}, want: "the one that is named"},
		"the first of several configs":  {vars: map[string]string{"KUBECONFIG": "/nope:" + config}, want: "the cluster"},
		"in the home directory nothing": {vars: map[string]string{"HOME": "/nope"}, want: "an error"},
	} {
		asked = "an error"
		before := len(c.requests)
		p := person{program: tc.program, vars: tc.vars, server: orElse(tc.standing, nobody)}
		got := p.aof(t, append([]string{"runs"}, tc.args...)...)
		if len(c.requests) > before {
			asked = "the cluster"
		}
		assert.Equal(t, tc.want, asked, "%s: %s", name, got.errs)
	}
}

func TestNoTarget(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	config := c.user().vars["KUBECONFIG"]
	for name, tc := range map[string]struct {
		p    person
		args []string
		says string
	}{
		"neither":                {person{}, nil, "no aof dev on 127.0.0.1:1 and no kubeconfig\n     start one with `aof dev -f PATH`"},
		"kubectl, no kubeconfig": {person{program: "kubectl-aof"}, nil, "no kubeconfig: "},
		"both":                   {person{}, []string{"--server", nobody, "--context", "x"}, "--server names an aof dev and --context a cluster: give one of them"},
		"an unknown context":     {person{}, []string{"--kubeconfig", config, "--context", "nope"}, `context "nope" does not exist`},
		"a missing file":         {person{}, []string{"--kubeconfig", "/nope"}, "/nope: no such file"},
		"a cluster that is away": {person{}, []string{"--kubeconfig", writeFile(t, "config", "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: \"http://127.0.0.1:1\"}}]\ncontexts: [{name: away, context: {cluster: a}}]\ncurrent-context: away\n")}, "the cluster of context away does not answer: dial tcp 127.0.0.1:1"},
	} {
		got := tc.p.aof(t, append([]string{"runs"}, tc.args...)...)
		assert.Equal(t, ExitBadInput, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
	}
}

func TestAClusterWithoutAOF(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	got := c.user().aof(t, "get", "agents")
	assert.Equal(t, said{ExitFailed, "", "aof: the cluster of context fake has no agents.aof.dev: is it installed there?\n"}, got)
	config, err := os.ReadFile(c.user().vars["KUBECONFIG"])
	require.NoError(t, err)
	other := writeFile(t, "config", strings.ReplaceAll(string(config), clusterToken, "of-somebody-else"))
	got = person{vars: map[string]string{"KUBECONFIG": other}}.aof(t, "runs")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.errs, "context fake does not know you")
}

func TestImpersonation(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	got := c.user().aof(t, "runs", "--as", "jane", "--as-group", "devs", "-n", "x")
	require.Equal(t, ExitOK, got.code, got.errs)
	assert.Equal(t, "jane", c.headers.Get("Impersonate-User"))
	assert.Equal(t, "devs", c.headers.Get("Impersonate-Group"))
	assert.Contains(t, c.requests[0], "/namespaces/x/")
}

func TestNamesOfRunsAreCompleted(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, failedRun)
	user := c.user().at(time.Minute)
	user.program = "kubectl_complete-aof"
	got := user.aof(t, "logs", "")
	assert.Equal(t, "web-2\tFailed apply: Exit: exit code 7\nweb-1\tWaiting approve: approval, 4m3s left\n:36\n", got.out)
}
