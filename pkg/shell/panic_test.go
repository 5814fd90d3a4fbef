// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/shell"
)

// In a pipeline and in the background a panic of the interpreter ends the whole
// process, this test's too.
func TestWhatTheInterpreterPanicsOnIsRefusedOrDefused(t *testing.T) {
	t.Parallel()
	const refused, defused = shell.ReasonSyntax, shell.Reason("")
	tests := map[string]struct {
		source string
		want   shell.Reason
	}{
		"unset of an empty name":        {`unset "$EMPTY"`, defused},
		"unset of several":              {`unset -v a "$EMPTY"`, defused},
		"command unset":                 {`command -- unset ""`, defused},
		"negative shift":                {`shift -1`, defused},
		"builtin shift":                 {`command builtin shift "$((0-1))"`, defused},
		"test -v of nothing":            {`[ -v "$EMPTY" ]`, defused},
		"test -R of nothing in a group": {`test ! \( -R "$EMPTY" \)`, defused},
		"[[ -v of an expansion":         {`[[ ! ( -v $EMPTY ) ]]`, refused},
		"[[ -R of nothing":              {`[[ -R "" ]]`, refused},
		"increment of an element":       {`((a[1]++))`, refused},
		"assignment to an element":      {`x=$((a[1] += 2))`, refused},
		"let":                           {`let a[1]=1`, refused},
		"element in a for":              {`for ((a[0]=0; a[0]<1; a[0]++)); do :; done`, refused},
		"increment in an index":         {`echo ${a[b[1]++]}`, refused},
		"reference to no name":          {`declare -n r="$EMPTY"; echo $r`, shell.ReasonDenied},
		"its length":                    {`declare -n r="$EMPTY"; echo ${#r}`, shell.ReasonDenied},
		"reference by value":            {`o=-n; export $o r=; echo "${r}"`, shell.ReasonDenied},
		"reference to a reference":      {`declare -n r=q q=; [[ $r ]]`, shell.ReasonDenied},
	}
	for name, tc := range tests {
		for _, form := range []string{"%", "{ %; } | cat", "{ %; } & wait", "x=$( { %; } | cat )"} {
			t.Run(name+" in "+form, func(t *testing.T) {
				t.Parallel()
				source := strings.Replace(form, "%", tc.source, 1)
				_, err := transform().Run(t.Context(), shell.Script{Source: source, Vars: map[string]string{"EMPTY": ""}})
				switch {
				case tc.want == defused:
					require.NoError(t, err)
				case tc.want == shell.ReasonDenied && strings.Contains(form, "&"):
					// The script may be over before its job is looked at.
				default:
					assert.Equal(t, tc.want, shell.ReasonOf(err), "%v", err)
				}
			})
		}
	}
}

func TestWhatIsDefusedStillAnswers(t *testing.T) {
	t.Parallel()
	res, err := transform().Run(t.Context(), shell.Script{Source: `x=1
unset "" || echo no unset
shift -1 || echo no shift
[ -v "" ] || echo not set
[ -v x ] && [[ -v x ]] && echo x is
declare -n r=x; echo "$r ${#r}"
a=(1 2); a[1]=$((a[1] + 5)); echo "${a[1]}"
printf 'order 99999999 %3d\n' 5`})
	require.NoError(t, err)
	assert.Equal(t, "no unset\nno shift\nnot set\nx is\n1 1\n7\norder 99999999   5\n", res.Stdout, "stderr: %s", res.Stderr)
}

// One exported variable too long for the kernel would keep every program from
// starting.
func TestLongVariablesDoNotKeepProgramsFromStarting(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200<<10)
	res, err := newRunner(programs()).Run(t.Context(), shell.Script{
		Source: `/bin/echo "$SHORT ${#LONG}"; /usr/bin/printenv LONG || /bin/echo none`,
		Env:    map[string]string{"LONG": long, "SHORT": "s"},
	})
	require.NoError(t, err)
	assert.Equal(t, "s 204800\nnone\n", res.Stdout, "stderr: %s", res.Stderr)
}
