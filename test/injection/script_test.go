// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/flow"
)

// plain is a text as a process can be given it: no argument and no variable of an
// environment holds a NUL.
func plain(text string) string { return strings.ReplaceAll(text, "\x00", "") }

func TestTransformScripts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const script = `export BARE=${event.text}
export QUOTED="<${event.text}>" USER="${event.user}"
export SINGLE='<${event.text}>'
export INNER=$(printf '%s.' "${event.text}")
export HERE=$(cat <<END
<${ask.output}>
END
)
if [ "${event.text}" = "${ask.output}" ]; then export SAME=yes; fi
case ${event.text} in "${ask.output}") export CASE=yes ;; esac
for x in ${event.text}; do export EACH="$EACH<$x>"; done
echo "${event.text}" ${event.text}
export LENGTH=${#VALUE} OWN="<$VALUE>"`
	for _, e := range b.corpus(t) {
		res, err := b.run(t, flow.KindTransform, values{"script": script}, e.Text)
		require.NoError(t, err, "%s: %q", e.Line, e.Text)
		want := plain(e.Text)
		delete(res.Exports, "LENGTH")
		assert.Equal(t, map[string]string{
			"BARE": want, "QUOTED": "<" + want + ">", "USER": want, "SINGLE": "<" + want + ">", "INNER": want + ".",
			"HERE": "<" + want + ">", "SAME": "yes", "CASE": "yes", "EACH": "<" + want + ">", "OWN": "<" + want + ">",
		}, res.Exports, "%s: %q", e.Line, e.Text)
	}
	b.quiet(t)
}

func TestScriptCommands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	show := b.recorder(t, "show", "")
	for _, e := range b.corpus(t) {
		want := plain(e.Text)
		out := b.output(t, flow.KindScript, script(values{"command": `printf '<%s>' ${event.text} "${event.text}" '${event.text}' "$VALUE"; printf '<%s>' "$OWN"
show -- ${event.text} "a ${ask.output} b" '${ask.output}' --x=${event.text}`, "env": values{"OWN": "${event.text}"}}), e)
		assert.Equal(t, strings.Repeat("<"+want+">", 5), out["stdout"], "%s: %q", e.Line, e.Text)
		assert.Equal(t, []string{"--", want, "a " + want + " b", want, "--x=" + want}, show(), "%s: %q", e.Line, e.Text)
	}
	b.quiet(t)
}

func TestScriptArguments(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	show := b.recorder(t, "show", "")
	for _, e := range b.corpus(t) {
		_, err := b.run(t, flow.KindScript, script(values{"command": "show get", "args": []any{"--x=${event.text}", "a ${event.text}", "${event.text}", "${ask.list}"}}), e.Text)
		if strings.HasPrefix(e.Text, "-") || strings.ContainsRune(e.Text, 0) {
			assert.True(t, refused(t, e, err), "%s: %q would be read as an option, or is no argument", e.Line, e.Text)
			assert.Nil(t, show(), e.Line)
			continue
		}
		require.NoError(t, err, "%s: %q", e.Line, e.Text)
		assert.Equal(t, []string{"get", "--x=" + e.Text, "a " + e.Text, e.Text, e.Text, e.Text}, show(), "%s: %q", e.Line, e.Text)
	}
	b.quiet(t)
}

func script(config values) values { return values{"script_config": config} }

func TestToolsThatArePrograms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	docker, kubectl := b.recorder(t, "docker", `{"a":1}`), b.recorder(t, "kubectl", `{"items":[]}`)
	for name, tc := range map[string]struct {
		said   func() []string
		config values
		argv   func(text string) []string
		name   bool // the text stands where a name does
	}{
		"docker ps": {
			docker,
			values{"tool": "docker", "action": "ps", "args": values{"filter": "name=${event.text}"}},
			func(s string) []string {
				return []string{"ps", "--format={{json .}}", "--filter=" + strings.TrimSpace("name="+s)}
			}, false,
		},
		"docker logs": {
			docker,
			values{"tool": "docker", "action": "logs", "args": values{"container": "${event.text}", "since": "1h"}},
			func(s string) []string { return []string{"logs", "--tail=100", "--since=1h", s} }, true,
		},
		"docker inspect": {
			docker,
			values{"tool": "docker", "action": "inspect", "args": values{"container": "${ask.output}"}},
			func(s string) []string { return []string{"inspect", s} }, true,
		},
		"kubectl get": {
			kubectl,
			values{"tool": "kubectl", "action": "get", "args": values{"resource": "pods", "name": "x", "namespace": "a${event.text}", "selector": "app=${event.text}"}},
			func(s string) []string {
				return []string{"get", "pods", "x", "--selector=" + strings.TrimSpace("app="+s), "--output=json", "--namespace=" + strings.TrimSpace("a"+s)}
			}, false,
		},
		"kubectl describe": {
			kubectl,
			values{"tool": "kubectl", "action": "describe", "args": values{"resource": "pod", "name": "${event.text}"}},
			func(s string) []string { return []string{"describe", "pod", s} }, true,
		},
		"kubectl logs": {
			kubectl,
			values{"tool": "kubectl", "action": "logs", "args": values{"pod": "${event.text}", "container": "c"}},
			func(s string) []string { return []string{"logs", s, "--container=c", "--tail=100"} }, true,
		},
	} {
		tested := 0
		for i, e := range b.corpus(t) {
			if name != "kubectl describe" && i%4 != len(name)%4 {
				continue // a program is started for each; they are all put together the same way
			}
			_, err := b.run(t, flow.KindScript, script(tc.config), e.Text)
			got := tc.said()
			if got == nil {
				require.Error(t, err, "%s: %s: nothing was started, and nothing said why", name, e.Line)
				assert.True(t, strings.HasPrefix(strings.TrimSpace(e.Text), "-") || strings.ContainsAny(e.Text, "\x00\n") || strings.TrimSpace(e.Text) == "",
					"%s: %s: %q is refused for no reason: %v", name, e.Line, e.Text, err)
				refused(t, e, err)
				continue
			}
			tested++
			want := tc.argv(e.Text)
			if tc.name {
				want = slices.DeleteFunc(tc.argv(strings.TrimSpace(e.Text)), func(arg string) bool { return arg == "" })
			}
			assert.Equal(t, want, got, "%s: %s: %q", name, e.Line, e.Text)
		}
		assert.Greater(t, tested, 120, name)
	}
	b.quiet(t)
}
