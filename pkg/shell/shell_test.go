// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testingclock "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/shell"
)

var epoch = time.Date(2026, 11, 23, 11, 30, 0, 0, time.UTC)

func newRunner(policy shell.Policy) *shell.Runner {
	return shell.New(policy, testingclock.NewFakePassiveClock(epoch))
}

func transform() *shell.Runner { return newRunner(shell.TransformPolicy()) }

// programs is a policy for tests that start programs of every Unix system.
func programs(commands ...string) shell.Policy {
	return shell.ScriptPolicy(map[string]string{"PATH": "/usr/bin:/bin", "HOME": "/tmp"}, commands)
}

func TestRunGivesWhatAShellGives(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source string
		stdin  string
		stdout string
		code   int
		exited bool
	}{
		"echo":                          {source: `echo hello`, stdout: "hello\n"},
		"empty":                         {source: ``},
		"last status":                   {source: `true; false`, code: 1},
		"exit":                          {source: "echo a; exit 3; echo b", stdout: "a\n", code: 3, exited: true},
		"errexit":                       {source: "set -e; x=1; false; echo b", code: 1, exited: true},
		"errexit spares conditions":     {source: "set -e; x=1; if false; then :; else y=$x; fi; false || y=$x; echo $y", stdout: "1\n"},
		"status survives what we add":   {source: `x=4; (exit $x); y="$?$x"; echo $y`, stdout: "44\n"},
		"status in else":                {source: `x=4; if (exit $x); then :; else echo "$? $x"; fi`, stdout: "4 4\n"},
		"function":                      {source: `f() { echo "<$1>"; }; f "a b"`, stdout: "<a b>\n"},
		"recursion within reason":       {source: `f() { if [ $1 -gt 0 ]; then f $(($1-1)); else echo end; fi; }; f 100`, stdout: "end\n"},
		"loop":                          {source: `for i in 1 2 3; do s="$s$i"; done; echo $s`, stdout: "123\n"},
		"many short lived pipelines":    {source: `i=0; while [ $i -lt 400 ]; do i=$(echo $i | { read n; echo $((n+1)); }); done; echo $i`, stdout: "400\n"},
		"substitution":                  {source: `x=$(echo a | tr a b); echo "$x"`, stdout: "b\n"},
		"substitution's status":         {source: `x=$(exit 7)`, code: 7},
		"heredoc":                       {source: "x=1\ncat <<EOF\n$x $(echo 2)\nEOF\ncat <<'EOF'\n$x\nEOF", stdout: "1 2\n$x\n"},
		"herestring":                    {source: `cat <<< "a b"`, stdout: "a b\n"},
		"length and parts":              {source: `x=abcdef; echo ${#x} ${x:1:2} ${x%ef} ${x/b/XX} ${x^^}`, stdout: "6 bc abcd aXXcdef ABCDEF\n"},
		"case":                          {source: `x=foo; case $x in f*) echo yes;; *) echo no;; esac`, stdout: "yes\n"},
		"comparisons take any text":     {source: `x=-n; [ "$x" = -n ] && [ ! "$x" = y ] && test "$x" != y && [ -n "$x" ] && [ -z "" ] && echo ok`, stdout: "ok\n"},
		"comparisons in a row":          {source: `[ a = a -a b = b ] && echo ok`, stdout: "ok\n"},
		"test":                          {source: `x=3; [[ $x =~ ^[0-9]+$ && $x -ge 3 ]] && echo ok`, stdout: "ok\n"},
		"arrays":                        {source: `a=(x "y z"); a+=(w); echo "${#a[@]} ${a[1]}"`, stdout: "3 y z\n"},
		"pipefail":                      {source: `set -o pipefail; false | true`, code: 1},
		"stdin":                         {source: `read -r line; echo "got $line"; cat`, stdin: "one\ntwo\n", stdout: "got one\ntwo\n"},
		"background and wait":           {source: `{ echo a; } & wait; echo b`, stdout: "a\nb\n"},
		"trap":                          {source: `bye() { echo bye; }; trap bye EXIT; echo hi`, stdout: "hi\nbye\n"},
		"xtrace hides what we add":      {source: "set -x; x=1; y=$x", stdout: ""},
		"dev null":                      {source: `echo x >/dev/null; echo y`, stdout: "y\n"},
		"brace expansion":               {source: `echo {a,b}{1..3}`, stdout: "a1 a2 a3 b1 b2 b3\n"},
		"head":                          {source: `printf '%s\n' 1 2 3 | head -n 2; printf '%s\n' 1 2 3 | head -1`, stdout: "1\n2\n1\n"},
		"tail":                          {source: `printf '%s\n' 1 2 3 | tail -n 1; printf '%s\n' 1 2 3 | tail -n +2`, stdout: "3\n2\n3\n"},
		"wc":                            {source: `printf 'a b\nc\n' | wc -l; printf 'a b\nc\n' | wc`, stdout: "2\n2 3 6\n"},
		"tr":                            {source: `echo "Ab  c" | tr A-Z a-z; echo "Ab  c" | tr -s ' '; echo a1b2 | tr -d '[:digit:]'; echo x1y2 | tr -cd '[:alpha:]'`, stdout: "ab  c\nAb c\nab\nxy"},
		"grep":                          {source: `printf 'pod a\nPod b\nsvc\n' | grep -i pod; printf 'a.b\naxb\n' | grep -F a.b; printf 'a\nb\n' | grep -v a; printf 'ab\ncd\n' | grep -E 'a|c' -c; echo x1y22 | grep -oE '[0-9]+'`, stdout: "pod a\nPod b\na.b\nb\n2\n1\n22\n"},
		"grep finds nothing":            {source: `echo a | grep -q b`, code: 1},
		"basic expressions":             {source: `printf 'a+b\naab\n' | grep 'a+b'; printf 'a+b\naab\n' | grep 'a\+b'`, stdout: "a+b\naab\n"},
		"cut":                           {source: `echo a:b:c | cut -d: -f2; echo a:b:c | cut -d : -f 2-; echo abc | cut -c1-2`, stdout: "b\nb:c\nab\n"},
		"sort and uniq":                 {source: `printf '%s\n' b a b | sort | uniq; printf '%s\n' 10 9 | sort -n; printf '%s\n' b a b | sort -ru`, stdout: "a\nb\n9\n10\nb\na\n"},
		"date":                          {source: `date +%s; date -u +%Y-%m-%dT%H:%M:%SZ`, stdout: "1795433400\n2026-11-23T11:30:00Z\n"},
		"an unknown option of a tool":   {source: `echo a | grep -Q a`, code: 2},
		"jq object per item":            {source: `X='{"items":[{"name":"a","n":1},{"name":"b"}]}'; echo "$X" | jq -c '.items[] | {name: .name}'`, stdout: "{\"name\":\"a\"}\n{\"name\":\"b\"}\n"},
		"jq is pretty":                  {source: `X='{"items":[{"name":"a"}]}'; echo "$X" | jq '.items[] | {name: .name}'`, stdout: "{\n  \"name\": \"a\"\n}\n"},
		"jq raw":                        {source: `echo '{"a":"x y"}' | jq -r .a`, stdout: "x y\n"},
		"jq several documents":          {source: `echo '1 {"b":[]} "s"' | jq .`, stdout: "1\n{\n  \"b\": []\n}\n\"s\"\n"},
		"jq null input":                 {source: `jq -n '{a: 1} | .a'`, stdout: "1\n"},
		"jq arg":                        {source: `jq -nc --arg a b --argjson n 2 '{x: $a, n: $n, all: $ARGS.named}'`, stdout: `{"all":{"a":"b","n":2},"n":2,"x":"b"}` + "\n"},
		"jq positional":                 {source: `jq -nc '$ARGS.positional' --args x y`, stdout: `["x","y"]` + "\n"},
		"jq slurp":                      {source: `echo '1 2' | jq -sc .`, stdout: "[1,2]\n"},
		"jq raw input":                  {source: `printf 'a\nb\n' | jq -R .`, stdout: "\"a\"\n\"b\"\n"},
		"jq encodes a text":             {source: `T='say "hi"'; printf '%s' "$T" | jq -Rs .`, stdout: `"say \"hi\""` + "\n"},
		"jq inputs":                     {source: `echo '1 2 3' | jq -nc '[inputs]'`, stdout: "[1,2,3]\n"},
		"jq exit status":                {source: `echo '{"a":false}' | jq -e .a`, stdout: "false\n", code: 1},
		"jq env":                        {source: `export N=5; jq -n 'env.N'`, stdout: "\"5\"\n"},
		"jq large numbers":              {source: `echo 12345678901234567890 | jq .`, stdout: "12345678901234567890\n"},
		"jq not JSON":                   {source: `echo '{' | jq .`, code: 2},
		"jq no filter":                  {source: `jq '.[' </dev/null`, code: 3},
		"jq error":                      {source: `echo 1 | jq .a`, code: 5},
		"jq halt_error":                 {source: `jq -n '"x"|halt_error(4)'`, code: 4},
		"jq substitution with fallback": {source: `N=$(echo '{}' | jq -r '.a // "none"'); echo $N`, stdout: "none\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := transform().Run(t.Context(), shell.Script{Source: tc.source, Stdin: strings.NewReader(tc.stdin)})
			require.NoError(t, err)
			assert.Equal(t, tc.stdout, res.Stdout, "stderr: %s", res.Stderr)
			assert.Equal(t, tc.code, res.ExitCode, "stderr: %s", res.Stderr)
			assert.Equal(t, tc.exited, res.Exited)
			assert.NotContains(t, res.Stderr, "aof:guard")
		})
	}
}

func TestRunExports(t *testing.T) {
	t.Parallel()
	res, err := transform().Run(t.Context(), shell.Script{
		Source: `export A=1; B=2; export B; C=3; export D; declare -x E="a b"; export SAME="$SAME"; export F=$(echo "$V" | tr a-z A-Z)`,
		Vars:   map[string]string{"V": "val"},
		Env:    map[string]string{"SAME": "s", "KEPT": "k"},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "1", "B": "2", "E": "a b", "SAME": "s", "F": "VAL"}, res.Exports)
}

func TestTransformsHaveNoProgramsAndNoFiles(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("s3cret\n"), 0o600))
	tests := map[string]string{
		"read":              `cat < "$F"`,
		"substitution":      `echo "$(<"$F")"`,
		"tool":              `cat "$F"`,
		"jq":                `jq -R . "$F"`,
		"jq module":         `jq -n 'include "x"; .'`,
		"write":             `echo x > "$F.new"`,
		"append":            `echo x >> "$F"`,
		"test":              `[ -e "$F" ] && echo s3cret`,
		"glob":              `echo "${F%/*}"/*`,
		"cd":                `cd /tmp && echo s3cret`,
		"source":            `\. "$F"`,
		"program":           `/bin/cat "$F"`,
		"exec":              `exec /bin/cat "$F"`,
		"command":           `command /bin/cat "$F"`,
		"device":            `cat < /dev/tcp/127.0.0.1/1`,
		"jq environ":        `jq -n 'env.PATH | strings'`,
		"own environ":       `echo "$PATH"`,
		"mapfile":           `mapfile a < "$F"; echo "${a[0]}"`,
		"interpreter's own": `echo x > "${F%/*}/sh-interp-x"; echo x > /tmp/sh-interp-aof-shell-test`,
		"temp from inside":  `TMPDIR="${F%/*}"; echo x > "${F%/*}/sh-interp-x"`,
		"printf to var":     `printf '%s' "$(cat "$F")"`,
	}
	for name, source := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, _ := transform().Run(t.Context(), shell.Script{Source: source, Vars: map[string]string{"F": secret}})
			assert.NotContains(t, res.Stdout, "s3cret")
			assert.NotContains(t, res.Stdout, "/bin")
			assert.NoFileExists(t, secret+".new")
			assert.NoFileExists(t, filepath.Join(filepath.Dir(secret), "sh-interp-x"))
			assert.NoFileExists(t, "/tmp/sh-interp-aof-shell-test")
			got, err := os.ReadFile(secret)
			require.NoError(t, err)
			assert.Equal(t, "s3cret\n", string(got))
		})
	}
}

func TestUnavailableCommandsAreStatus127(t *testing.T) {
	t.Parallel()
	res, err := transform().Run(t.Context(), shell.Script{Source: `kubectl get pods; echo "$?"; awk 1 || echo fallback; kubectl again; export DONE=1`})
	require.NoError(t, err)
	assert.Equal(t, "127\nfallback\n", res.Stdout)
	assert.Equal(t, []string{"awk", "kubectl"}, res.Unavailable)
	assert.Equal(t, "1", res.Exports["DONE"])
	assert.Contains(t, res.Stderr, "kubectl: not available to this script")
}

// hostile are values as an attacker would write them into a chat message.
var hostile = []string{
	`'`, `"`, `''`, `""`, `\`, `\\`, "`", "``", "`id`", `$(id)`, `$(touch PWNED)`, "`touch PWNED`", `${HOME}`, `$HOME`, `$((1+1))`,
	`; touch PWNED`, `&& touch PWNED`, `| touch PWNED`, `& touch PWNED &`, `|| touch PWNED`, "\ntouch PWNED\n", "a\r\nb", "\t", " ",
	`*`, `?`, `[a-z]*`, `/etc/*`, `~`, `~root`, `{a,b}`, `{1..9}`, `!!`, `#`, `# comment`, `-n`, `-e`, `--`, `-rf /`, `--help`, `> PWNED`, `< /etc/passwd`, `>> PWNED`,
	`' ; touch PWNED ; '`, `" ; touch PWNED ; "`, `"$(touch PWNED)"`, `'$(touch PWNED)'`, `$'\x41'`, `%s%n%d`, `%99999999d`, `() { :; }; touch PWNED`,
	"EOF\ntouch PWNED\nEOF", `a=b`, `${x:=y}`, `$'\n'`, "\x01\x02\x1b[31m", "é☃𝄞", "\xff\xfe", `x[$(touch PWNED)]`, `aof:guard`, `!`, `(`, `)`, `]`, `=`, strings.Repeat("A", 70000),
}

func TestHostileValuesAreData(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(hostile), 40)
	for _, value := range hostile {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := newRunner(programs())
			res, err := run.Run(t.Context(), shell.Script{
				Source: `printf '%s|' "$V" "$E" "$(cat)"; export OUT="$V"; cat <<END
$V
END
x="$V"; [ "$x" = "$V" ] && [[ "$x" == "$V" ]] && printf '%s' same; /usr/bin/printenv E | cat; printf '%s' "$V" | jq -Rsj .`,
				Vars:  map[string]string{"V": value},
				Env:   map[string]string{"E": value},
				Stdin: strings.NewReader(value),
				Dir:   dir,
			})
			require.NoError(t, err)
			trimmed := strings.TrimRight(value, "\n")
			if !strings.Contains(value, "\xff") { // JSON has no room for what is no UTF-8
				assert.Equal(t, value+"|"+value+"|"+trimmed+"|"+value+"\nsame"+value+"\n"+value, res.Stdout)
			}
			assert.Equal(t, value, res.Exports["OUT"])
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left)

			res, err = run.Exec(t.Context(), []string{"printf", "%s", value}, shell.Script{Dir: dir})
			require.NoError(t, err)
			assert.Equal(t, value, res.Stdout)
		})
	}
}

func TestNULIsDroppedFromVariables(t *testing.T) {
	t.Parallel()
	res, err := newRunner(programs()).Run(t.Context(), shell.Script{
		Source: `echo "$V$E"; /usr/bin/printenv E`, Vars: map[string]string{"V": "a\x00b"}, Env: map[string]string{"E": "c\x00d", "bad\x00name": "x", "": "y"},
	})
	require.NoError(t, err)
	assert.Equal(t, "abcd\ncd\n", res.Stdout)
}

func TestTheEnvironmentIsOnlyWhatThePolicySays(t *testing.T) {
	t.Setenv("AOF_TEST_SECRET", "s3cret")
	res, err := newRunner(programs()).Run(t.Context(), shell.Script{Source: `env; echo "[$AOF_TEST_SECRET]"`, Vars: map[string]string{"PLAIN": "p"}})
	require.NoError(t, err)
	assert.NotContains(t, res.Stdout, "s3cret")
	assert.NotContains(t, res.Stdout, "PLAIN")
	assert.Contains(t, res.Stdout, "PATH=/usr/bin:/bin")
	res, err = transform().Run(t.Context(), shell.Script{Source: `echo "$HOME"`})
	require.NoError(t, err)
	assert.Equal(t, "/\n", res.Stdout)
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	res, err := newRunner(programs()).Run(t.Context(), shell.Script{
		Source: `echo hi > f; cat f | /bin/cat; ls; sh -c 'exit 4'; echo $?; nosuchprogram; echo $?; sh -c 'kill -9 $$'; echo $?; /bin/sh -c 'while :; do echo y; done' | head -n 1; echo *`,
		Dir:    dir,
	})
	require.NoError(t, err)
	assert.Equal(t, "hi\nf\n4\n127\n137\ny\nf\n", res.Stdout)
	assert.Equal(t, []string{"nosuchprogram"}, res.Unavailable)

	res, err = newRunner(programs("ls")).Run(t.Context(), shell.Script{Source: `sh -c 'echo no'; ls`, Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, "f\n", res.Stdout)
	assert.Equal(t, []string{"sh"}, res.Unavailable)
}

// A process group is killed with the script, children included.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	for name, source := range map[string]string{
		"timeout":     `sh -c 'sleep 1000 & echo $!; wait'`,
		"normal end":  `sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'`,
		"in a script": `sh -c 'echo $$; exec sleep 1000' & while :; do :; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, _ := newRunner(programs()).Run(t.Context(), shell.Script{Source: source, Timeout: 500 * time.Millisecond})
			pid := strings.TrimSpace(res.Stdout)
			if pid == "" {
				t.Skip("this machine was too slow to start the program")
			}
			assert.Eventually(t, func() bool {
				stat, err := os.ReadFile("/proc/" + pid + "/stat")
				return err != nil || strings.Contains(string(stat), ") Z ")
			}, 10*time.Second, 10*time.Millisecond)
		})
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	run := newRunner(programs("printenv", "cat", "sh", "nosuchprogram", "sleep"))
	res, err := run.Exec(t.Context(), []string{"printenv", "A"}, shell.Script{Env: map[string]string{"A": "$(x) b"}})
	require.NoError(t, err)
	assert.Equal(t, "$(x) b\n", res.Stdout)

	res, err = run.Exec(t.Context(), []string{"cat"}, shell.Script{Stdin: strings.NewReader("in")})
	require.NoError(t, err)
	assert.Equal(t, "in", res.Stdout)

	res, err = run.Exec(t.Context(), []string{"sh", "-c", "echo e >&2; exit 9"}, shell.Script{})
	require.NoError(t, err)
	assert.Equal(t, 9, res.ExitCode)
	assert.Equal(t, "e\n", res.Stderr)

	res, err = transform().Exec(t.Context(), []string{"jq", "-r", ".a"}, shell.Script{Stdin: strings.NewReader(`{"a":"b"}`)})
	require.NoError(t, err)
	assert.Equal(t, "b\n", res.Stdout)

	for reason, argv := range map[shell.Reason][]string{
		shell.ReasonDenied:          {"rm", "-rf", "x"},
		shell.ReasonCommandNotFound: {"nosuchprogram"},
		shell.ReasonSyntax:          {},
	} {
		_, err := run.Exec(t.Context(), argv, shell.Script{})
		assert.Equal(t, reason, shell.ReasonOf(err), "%v", argv)
	}
	_, err = run.Exec(t.Context(), []string{"sleep", "1000"}, shell.Script{Timeout: 50 * time.Millisecond})
	assert.Equal(t, shell.ReasonTimeout, shell.ReasonOf(err))
	blocked, writer := io.Pipe()
	defer writer.Close()
	_, err = transform().Exec(t.Context(), []string{"jq", "."}, shell.Script{Stdin: blocked, Timeout: 50 * time.Millisecond})
	assert.Equal(t, shell.ReasonTimeout, shell.ReasonOf(err))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = run.Exec(ctx, []string{"cat"}, shell.Script{})
	assert.Equal(t, shell.ReasonCanceled, shell.ReasonOf(err))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	run := transform()
	require.NoError(t, run.Check(`echo "${x:-y}" | jq .`))
	for source, want := range map[string]string{
		"if true":                       "does not parse",
		`eval "$x"`:                     "eval is refused",
		`if true; then . ./f; fi`:       ". is refused",
		`cat <(echo a)`:                 "process substitution",
		`coproc cat`:                    "coproc",
		`echo {1..999999999}`:           "braces",
		`echo {1..999}{1..999}`:         "braces",
		strings.Repeat("echo\n", 1e5):   "bytes long",
		"echo 'unclosed \x00" + "\nx$(": "does not parse",
	} {
		require.ErrorContains(t, run.Check(source), want)
		assert.LessOrEqual(t, len(run.Check(source).Error()), 600)
	}
}
