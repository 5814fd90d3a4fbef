// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const fleetYAML = "apiVersion: aof.dev/v1\nkind: AgentFleet\nmetadata: {name: crew, namespace: ops}\nspec:\n  agents:\n    - name: one\n      role: worker\n      spec: {model: \"mock:echo\", instructions: x}\n"

func TestGet(t *testing.T) {
	t.Parallel()
	someone, _ := dev(t, quickstartDir, slackDir, writeFile(t, "fleet.yaml", fleetYAML))
	got := someone.aof(t, "get", "runs", "-n", "quickstart")
	assert.Equal(t, said{ExitOK, "", "No flowruns found in namespace quickstart.\n"}, got)
	got = someone.aof(t, "send", "-n", "quickstart", "--event", quickstartDir+"/event.json", "--wait", patience.String())
	require.Equal(t, ExitOK, got.code, got.errs)

	for kinds, want := range map[string][2]string{
		"runs run flowruns flowrun FlowRun flowruns.aof.dev": {`NAMESPACE +NAME +FLOW +BINDING +PHASE +STARTED +DURATION +AGE`, `quickstart +web-triage-\w+ +triage +web-triage +Succeeded `},
		"bindings binding fb flowbindings":                   {`NAMESPACE +NAME +TRIGGER +CONTEXT +FLOW +ACTIVE +EXECUTIONS +SUCCESS RATE +AGE`, `quickstart +web-triage +web +demo +triage +true `},
		"triggers trg TRIGGER":                               {`NAMESPACE +NAME +TYPE +CONNECTED +PHASE +EVENTS +AGE`, `quickstart +web +HTTP +true +\w+ +1`},
		"contexts ctx":                                       {`NAMESPACE +NAME +READY +NAMESPACE +APPROVAL +AGE`, `ops +prod +true +default +true`},
		"agents agent":                                       {`NAMESPACE +NAME +MODEL +READY +TOTAL RUNS +AGE`, `quickstart +triage +mock:replies.yaml +true +\d`},
		"flows flow agentflows":                              {`NAMESPACE +NAME +TRIGGER +READY +EXECUTIONS +AGE`, `quickstart +triage +HTTP +true +\d`},
		"fleets fleet agentfleets":                           {`NAMESPACE +NAME +READY +AGENTS +MODE +AGE`, `ops +crew +true`},
	} {
		for _, kind := range strings.Fields(kinds) {
			got := someone.aof(t, "get", kind, "-A")
			assert.Equal(t, ExitOK, got.code, got.errs)
			lines := strings.Split(got.out, "\n")
			assert.Regexp(t, `^`+want[0]+`\s*$`, lines[0], kind)
			assert.Regexp(t, `(?m)^`+want[1], got.out, kind)
		}
	}
	got = someone.aof(t, "get", "triggers", "-n", "quickstart")
	assert.Equal(t, 2, strings.Count(got.out, "\n"), got.out)
	assert.Regexp(t, `^NAME +TYPE`, got.out, "in one namespace its name is not repeated")
	got = someone.aof(t, "get", "triggers", "--no-headers", "-o", "wide")
	assert.Equal(t, 2, strings.Count(got.out, "\n"))
	assert.NotContains(t, got.out, "NAMESPACE")
}

func TestGetForMachines(t *testing.T) {
	t.Parallel()
	someone, _ := dev(t, quickstartDir, slackDir)
	for format, read := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(raw []byte, into any) error { return yaml.Unmarshal(raw, into) },
	} {
		var list struct {
			Kind  string
			Items []struct{ Metadata struct{ Name string } }
		}
		got := someone.aof(t, "get", "triggers", "-o", format)
		require.NoError(t, read([]byte(got.out), &list), got.out)
		assert.Equal(t, "TriggerList", list.Kind)
		require.Len(t, list.Items, 2)
		assert.Equal(t, "slack", list.Items[0].Metadata.Name)

		for _, namespace := range []string{"-A", "--namespace=quickstart"} {
			var one struct{ Kind string }
			got = someone.aof(t, "get", "trigger", "web", namespace, "-o", format)
			require.NoError(t, read([]byte(got.out), &one), got.out)
			assert.Equal(t, "Trigger", one.Kind, "one that was named comes without a list around it")
		}
	}
	assert.Equal(t, "trigger.aof.dev/slack\ntrigger.aof.dev/web\n", someone.aof(t, "get", "triggers", "-o", "name").out)
	assert.Equal(t, "trigger.aof.dev/web\ntrigger.aof.dev/slack\n", someone.aof(t, "get", "trg", "web", "slack", "-o", "name").out, "as they were asked for")
	got := someone.aof(t, "get", "runs", "-o", "json")
	assert.Contains(t, got.out, `"items": []`)

	for name, args := range map[string][]string{"in all": {"trg", "nope"}, "in one": {"trg", "slack", "-n", "quickstart"}, "no name": {"trg", "", "-n", "ops"}} {
		got = someone.aof(t, append([]string{"get"}, args...)...)
		assert.Equal(t, ExitFailed, got.code, name)
		assert.Contains(t, got.errs, "not found", name)
	}
}

func TestGetBadInput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"an unknown kind":    {[]string{"pigeons"}, []string{`no kind is called "pigeons"`, "flowruns", "triggers"}},
		"no kind":            {nil, []string{"arg"}},
		"nobody answers":     {[]string{"runs", "--server", "http://127.0.0.1:1"}, []string{"nobody answers at http://127.0.0.1:1", "aof dev -f PATH", "AOF_SERVER"}},
		"no URL":             {[]string{"runs", "--server", "::"}, []string{"::"}},
		"-n and -A together": {[]string{"runs", "-n", "x", "-A"}, []string{"all-namespaces"}},
	} {
		got := aof(t, append([]string{"get"}, tc.args...)...)
		assert.Equal(t, ExitBadInput, got.code, name)
		for _, part := range tc.says {
			assert.Contains(t, got.errs, part, name)
		}
	}
}

func TestGetFromAnotherServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		code int
		body string
		says string
	}{
		"a web page":       {200, "<html>", "does not answer as aof dev does"},
		"a failure":        {502, "bad gateway\x1b[2J", "answered 502 Bad Gateway"},
		"a hostile status": {403, `{"kind":"Status","message":"no\u001b[2J"}`, "aof: no [2J\n"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.code)
			_, _ = w.Write([]byte(tc.body))
		}))
		got := aof(t, "get", "runs", "--server", server.URL)
		server.Close()
		assert.NotEqual(t, ExitOK, got.code, name)
		assert.Contains(t, got.errs, tc.says, name)
		assert.NotContains(t, got.errs, "\x1b", name)
	}
}
