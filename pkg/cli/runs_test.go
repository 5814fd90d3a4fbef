// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/test/screen"
)

const (
	brokerYAML  = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default, namespace: ops}\nstatus: {address: {url: http://broker-ingress.knative-eventing.svc.cluster.local/ops/default}}\n"
	triggerYAML = "apiVersion: aof.dev/v1\nkind: Trigger\nmetadata: {name: slack, namespace: ops}\nspec: {type: Slack, config: {}}\n"
	bindingYAML = "apiVersion: aof.dev/v1\nkind: FlowBinding\nmetadata: {name: web, namespace: ops}\nspec: {trigger: {name: slack}, context: {name: c}, flow: {name: fix}, match: {patterns: [scale]}}\n"
	flowFixYAML = "apiVersion: aof.dev/v1\nkind: AgentFlow\nmetadata: {name: fix, namespace: ops}\nspec:\n  trigger: {type: Manual, config: {}}\n  nodes: [{id: a, type: Response, config: {message: x}}]\n  connections: [{from: trigger, to: a}]\n"
)

func TestRuns(t *testing.T) {
	t.Parallel()
	other := strings.NewReplacer("web-1", "cron-1", "binding: {name: web", "binding: {name: cron", "aof.dev/binding: web", "aof.dev/binding: cron", "namespace: ops", "namespace: dev").Replace(waitingRun)
	c := newCluster(t).put(waitingRun, failedRun, other)
	user := c.user().at(3 * time.Minute)
	got := user.aof(t, "runs")
	assert.Equal(t, `NAME    FLOW   BINDING   PHASE     STARTED   DURATION   AGE   NOTE
web-2   fix    web       Failed    119s      1s         2m    apply: Exit: exit code 7
web-1   fix    web       Waiting   2m59s                3m    approve: approval, 2m3s left
`, got.out, "the newest first")
	assert.Empty(t, got.errs)
	got = user.aof(t, "runs", "-A", "--no-headers", "--phase", "waiting,Pending")
	assert.Equal(t, "ops   web-1    fix   web    Waiting   2m59s      3m   approve: approval, 2m3s left\ndev   cron-1   fix   cron   Waiting   2m59s      3m   approve: approval, 2m3s left\n", sorted(got.out, true))
	got = user.aof(t, "runs", "-A", "--binding", "cron", "-o", "name")
	assert.Equal(t, "flowrun.aof.dev/cron-1\n", got.out)
	assert.Contains(t, c.requests[len(c.requests)-1], "labelSelector=aof.dev%2Fbinding%3Dcron")
	got = user.aof(t, "runs", "-n", "dev", "-o", "json")
	assert.Contains(t, got.out, `"kind": "FlowRunList"`)
	assert.NotContains(t, got.out, `"note"`, "what is for people is not for machines")
	got = user.aof(t, "runs", "--limit", "1")
	assert.Equal(t, 2, strings.Count(got.out, "\n"))
	assert.Equal(t, "1 older runs are not shown; --limit 0 shows all\n", got.errs)
	got = user.aof(t, "runs", "--flow", "none")
	assert.Equal(t, said{ExitOK, "", "No runs found in namespace ops.\n"}, got)
	for _, args := range [][]string{{"--phase", "asleep"}, {"-o", "xml"}, {"-n", "a", "-A"}, {"x"}} {
		got = user.aof(t, append([]string{"runs"}, args...)...)
		assert.Equal(t, ExitBadInput, got.code, args)
	}
}

func sorted(text string, descending bool) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) == 2 && (lines[0] < lines[1]) == descending {
		lines[0], lines[1] = lines[1]+"\n", strings.TrimSuffix(lines[0], "\n")
	}
	return strings.Join(lines, "") + "\n"
}

func TestRunsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range 1001 {
		c.put(strings.Replace(failedRun, "name: web-2", "name: web-2-"+strings.Repeat("x", i%50)+"-"+time.Duration(i).String(), 1))
	}
	got := c.user().aof(t, "runs", "-o", "name", "--limit", "0")
	assert.Equal(t, 1001, strings.Count(got.out, "\n"))
	assert.Len(t, c.requests, 3)
}

// later is a command that goes on, with what it printed.
type later struct {
	out, errs screen.Screen
	done      chan int
	stop      context.CancelFunc
}

func (p person) begin(t *testing.T, args ...string) *later {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &later{done: make(chan int, 1), stop: cancel}
	go func() { l.done <- Main(ctx, p.env(&l.out, &l.errs), args) }()
	t.Cleanup(cancel)
	return l
}

func (l *later) shows(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(l.out.String(), text) }, patience, time.Millisecond, "%s", text)
}

func TestWatchRuns(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	l := c.user().begin(t, "runs", "-w")
	l.shows(t, "Waiting")
	c.put(failedRun)
	l.shows(t, "web-2   fix    web       Failed ")
	c.put(strings.Replace(waitingRun, "phase: Waiting", "phase: Running", 1))
	l.shows(t, "web-1   fix    web       Running ")
	c.remove(runsPath + "web-1")
	l.stop()
	assert.Equal(t, ExitOK, <-l.done)
	assert.Equal(t, 1, strings.Count(l.out.String(), "NAME"))
	assert.Equal(t, 4, strings.Count(l.out.String(), "\n"), l.out.String())
	assert.Empty(t, l.errs.String())
}

func TestFollowLogs(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	l := c.user().begin(t, "logs", "-f", "web-1")
	l.shows(t, "waits for approval")
	c.user().at(time.Minute).aof(t, "approve", "web-1")
	l.shows(t, "approved by alice")
	c.put(strings.NewReplacer("phase: Waiting\n  startTime", "phase: Succeeded\n  completionTime: \"2026-05-04T10:02:00.000000Z\"\n  result: {text: it is done}\n  startTime").Replace(waitingRun))
	assert.Equal(t, ExitOK, <-l.done)
	assert.Contains(t, l.out.String(), "2026-05-04T10:02:00.000Z  run      succeeded: it is done\n")
	assert.Equal(t, 1, strings.Count(l.out.String(), "ask      began"), "nothing is told twice")
}

func TestFollowLogsToOtherEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, failedRun)
	assert.Equal(t, ExitFailed, c.user().aof(t, "logs", "-f", "web-2").code)

	l := c.user().begin(t, "logs", "-f", "web-1")
	l.shows(t, "waits for approval")
	l.stop()
	assert.Equal(t, ExitWaiting, <-l.done)

	l = c.user().begin(t, "logs", "-f", "web-1")
	l.shows(t, "waits for approval")
	c.remove(runsPath + "web-1")
	assert.Equal(t, ExitFailed, <-l.done)
	assert.Equal(t, "aof: run web-1 was deleted\n", l.errs.String())
}

func TestAWatchThatBreaksOffMissesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun)
	c.endWatch = true
	user := c.user()
	user.clock = impatient{user.at(0).clock}
	l := user.begin(t, "logs", "-f", "web-1")
	l.shows(t, "waits for approval")
	c.put(strings.Replace(waitingRun, "phase: Waiting\n  startTime", "phase: Cancelled\n  startTime", 1))
	assert.Equal(t, ExitFailed, <-l.done)
	assert.Contains(t, l.out.String(), "was cancelled\n")
}

func TestAWatchThatBreaksOffRepeatsNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(waitingRun, failedRun)
	c.endWatch = true
	user := c.user()
	user.clock = impatient{user.at(0).clock}
	l := user.begin(t, "runs", "-w", "-o", "name")
	require.Eventually(t, func() bool { return c.asked() > 20 }, patience, time.Millisecond)
	c.put(strings.Replace(waitingRun, "phase: Waiting\n  startTime", "phase: Running\n  startTime", 1))
	l.shows(t, "web-2\nflowrun.aof.dev/web-1\n")
	l.stop()
	assert.Equal(t, ExitOK, <-l.done)
	assert.Equal(t, "flowrun.aof.dev/web-1\nflowrun.aof.dev/web-2\nflowrun.aof.dev/web-1\n", l.out.String())
}

func TestSendToACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(brokerYAML, triggerYAML, bindingYAML)
	got := c.user().aof(t, "send", "--binding", "web", "--text", "scale it")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Regexp(t, `^sent cli-\S+\n$`, got.errs)
	require.Len(t, c.received, 1)
	e := c.received[0]
	assert.Equal(t, "ops/default", e["path"])
	assert.Equal(t, "slack", e["aoftrigger"])
	assert.Equal(t, "|ops/web|", e["aofmatch"], "no other binding of the trigger sees it")
	assert.Equal(t, "scale it", e["data"].(map[string]any)["text"])

	got = c.user().aof(t, "send", "--trigger", "ops/slack", "--data", `{"severity":"high"}`, "--text", "scale", "--type", "com.example.alert")
	assert.Equal(t, ExitOK, got.code, got.errs)
	e = c.received[1]
	assert.Equal(t, "com.example.alert", e["type"])
	assert.NotContains(t, e, "aofmatch")
	assert.Equal(t, map[string]any{"severity": "high", "text": "scale"}, e["data"])

	got = person{program: "kubectl-aof", vars: c.user().vars, in: `{"specversion":"1.0","id":"mine","source":"/me","type":"t","aoftrigger":"slack"}`}.aof(t, "send", "--event", "-")
	assert.Equal(t, said{ExitOK, "", "sent mine\n"}, got)
}

func TestSendToAClusterWaits(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(brokerYAML, triggerYAML, bindingYAML)
	user := c.user()
	user.in = `{"specversion":"1.0","id":"e1","source":"/s","type":"t"}`
	l := user.begin(t, "send", "--binding", "web", "--event", "-", "--wait", patience.String())
	require.Eventually(t, func() bool { return strings.HasPrefix(l.errs.String(), "sent e1\n") }, patience, time.Millisecond)
	c.put(strings.Replace(waitingRun, "phase: Waiting\n  startTime", "phase: Running\n  startTime", 1))
	c.put(failedRun) // of another event
	c.put(waitingRun)
	assert.Equal(t, ExitWaiting, <-l.done)
	assert.Contains(t, l.out.String(), "run ops/web-1 Waiting\n")
	assert.NotContains(t, l.out.String(), "web-2")
}

func TestSendToAClusterFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have []string
		args string
		code int
		says string
	}{
		"a misspelt binding":  {[]string{bindingYAML}, "--binding wep", ExitFailed, `flowbindings "wep" not found in namespace ops; did you mean web?`},
		"a misspelt trigger":  {[]string{triggerYAML}, "--trigger slak", ExitFailed, `triggers "slak" not found in namespace ops; did you mean slack?`},
		"no broker":           {[]string{triggerYAML, strings.Replace(brokerYAML, "name: default", "name: defaults", 1)}, "--trigger slack", ExitFailed, `brokers "default" not found in namespace ops; did you mean defaults?`},
		"a broker not ready":  {[]string{triggerYAML, "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default, namespace: ops}\n"}, "--trigger slack", ExitFailed, "broker ops/default has no address yet"},
		"a broker elsewhere":  {[]string{triggerYAML, strings.Replace(brokerYAML, "broker-ingress.knative-eventing.svc.cluster.local", "broker.example.com", 1)}, "--trigger slack", ExitBadInput, "is no Service of the cluster"},
		"the broker says no":  {[]string{triggerYAML, brokerYAML}, "--trigger slack", ExitFailed, "the event was refused (404): no such broker [2J"},
		"data that is a list": {nil, "--trigger slack --data []", ExitBadInput, "--data: want a JSON object"},
		"no such file":        {nil, "--trigger slack --data @/nope", ExitBadInput, "no such file"},
		"no URL":              {[]string{triggerYAML}, "--trigger slack --url ftp://x", ExitBadInput, "no http or https URL"},
		"nobody at the URL":   {[]string{triggerYAML}, "--trigger slack --url http://127.0.0.1:1", ExitBadInput, "127.0.0.1:1 does not answer"},
	} {
		c := newCluster(t).put(tc.have...)
		c.broker = http.StatusNotFound
		got := c.user().aof(t, append([]string{"send", "--text", "x"}, strings.Fields(tc.args)...)...)
		assert.Equal(t, tc.code, got.code, "%s: %s", name, got.errs)
		assert.Contains(t, got.errs, tc.says, name)
	}
}

func TestSendToAURL(t *testing.T) {
	t.Parallel()
	var header http.Header
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	}))
	defer ingress.Close()
	c := newCluster(t).put(triggerYAML).deny("get brokers", "create services/proxy")
	got := c.user().aof(t, "send", "--trigger", "slack", "--text", "x", "--url", ingress.URL+"/ops/default")
	assert.Equal(t, ExitOK, got.code, got.errs)
	assert.Empty(t, header.Get("Authorization"), "the user's token is for the API server alone")
}

func TestExplainACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(bindingYAML, triggerYAML, flowFixYAML,
		strings.NewReplacer("name: web", "name: idle", "spec: {", "spec: {enabled: false, ").Replace(bindingYAML),
		strings.NewReplacer("name: web", "name: lost", "flow: {name: fix}", "flow: {name: gone}").Replace(bindingYAML),
		strings.NewReplacer("name: web", "name: broken", "match: {patterns: [scale]}}", "match: {patterns: [scale]}}\nstatus: {conditions: [{type: Bound, status: \"False\", message: no plan}]}").Replace(bindingYAML),
		strings.NewReplacer("name: web", "name: alone", "match: {patterns: [scale]}}", "match: {patterns: [scale]}}\nstatus: {conditions: [{type: Ready, status: \"False\", message: no runner}]}").Replace(bindingYAML),
	)
	got := c.user().aof(t, "explain", "--text", "scale web")
	assert.Equal(t, said{ExitOK, `MATCH  ops/alone  (trigger slack -> flow fix)
       pattern "scale" of binding alone (but the binding is not ready: no runner)
no     ops/broken  (trigger slack -> flow fix)
       the binding can't run: no plan (else it would match: pattern "scale" of binding broken)
no     ops/idle  (trigger slack -> flow fix)
       the binding is suspended (enabled: false)
no     ops/lost  (trigger slack -> flow gone)
       the binding is not ready: its flow ops/gone does not exist
MATCH  ops/web  (trigger slack -> flow fix)
       pattern "scale" of binding web

2 of 5 bindings match
`, ""}, got)
	got = c.user().aof(t, "explain", "--text", "scale web", "--trigger", "other", "--binding", "web", "-o", "json")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.out, "the event came to trigger other, not to slack")
	got = c.user().aof(t, "explain", "--text", "x", "--binding", "wep")
	assert.Contains(t, got.errs, `binding "wep" not found; did you mean web?`)
	c.deny("get agentflows")
	got = c.user().aof(t, "explain", "--text", "scale web", "--binding", "web")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.out, "not known: you may not read its flow ops/fix")
}

func TestAnAofDevThatOnlyShows(t *testing.T) {
	t.Parallel()
	dev := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			problem(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "patch is not supported", "")
			return
		}
		var object map[string]any
		raw, err := yaml.YAMLToJSON([]byte(waitingRun))
		assert.NoError(t, err)
		assert.NoError(t, json.Unmarshal(raw, &object))
		if strings.HasSuffix(r.URL.Path, "/flowruns") {
			object = map[string]any{"apiVersion": "aof.dev/v1", "kind": "FlowRunList", "items": []any{object}}
		}
		reply(w, http.StatusOK, object)
	}))
	defer dev.Close()
	got := person{}.at(time.Minute).aof(t, "approve", "web-1", "--server", dev.URL)
	assert.Equal(t, said{ExitFailed, "", "aof: aof dev at " + dev.URL + " can't patch flowruns.aof.dev: it only shows what happens\n"}, got)
	got = person{}.at(time.Minute).aof(t, "cancel", "ops/web-1", "--server", dev.URL)
	assert.Contains(t, got.errs, "it only shows what happens")
	got = person{}.at(time.Minute).aof(t, "logs", "web-1", "--server", dev.URL)
	assert.Equal(t, ExitOK, got.code)
	assert.Empty(t, got.errs, "its own log is on its terminal")
}
