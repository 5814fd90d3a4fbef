// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli"
	"aof.dev/operator/pkg/client/clientset/versioned"
	"aof.dev/operator/test/screen"
)

// terminal is somebody's command line on the API server.
type terminal struct {
	config, user, namespace string
}

func (a *admission) terminal(user string) terminal {
	return terminal{a.Kubeconfig, user, a.edit}
}

func (c terminal) aof(ctx context.Context, out *screen.Screen, args ...string) int {
	env := &cli.Env{
		In: strings.NewReader(""), Out: out, Err: out, Clock: clock.RealClock{}, Program: "kubectl-aof",
		Getenv: func(string) string { return "" },
	}
	return cli.Main(ctx, env, append(args, "--kubeconfig", c.config, "--as", c.user, "-n", c.namespace))
}

// says runs a command to its end and looks at what it says.
func (c terminal) says(t *testing.T, code int, text string, args ...string) {
	t.Helper()
	var out screen.Screen
	assert.Equal(t, code, c.aof(t.Context(), &out, args...), "%s", &out)
	assert.Contains(t, out.String(), text)
}

// The command line's own tests have an API server that is a fake; here is that the
// real one, and the webhook, take what it sends and say what it understands.
func decidesFromTheCommandLine(t *testing.T, a *admission) { //nolint:thelper // a part of TestAdmission
	ann, bob, eve := a.terminal("ann"), a.terminal("bob"), a.terminal("eve")
	_, err := a.create(t.Context(), t, "ann", `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: asks}, spec: {trigger: {name: t}, context: {name: c}, flow: {name: f}}}`)
	require.NoError(t, err)
	_, err = a.create(t.Context(), t, "ann", strings.Replace(run("asked", `, binding: {name: asks}`), "metadata: {", "metadata: {labels: {aof.dev/binding: asks}, ", 1))
	require.NoError(t, err)
	a.status(t, "asked", `{phase: Waiting, waiting: [{node: ask, kind: Approval, message: may I, details: {digest: d1, min_approvers: 2}}]}`)

	follows := make(chan int, 1)
	var followed screen.Screen
	go func() { follows <- bob.aof(t.Context(), &followed, "logs", "-f", "asked") }()
	require.Eventually(t, func() bool { return strings.Contains(followed.String(), "claimed") }, time.Minute, 10*time.Millisecond)

	ann.says(t, cli.ExitOK, "ask: approval", "runs", "--binding", "asks", "--phase", "waiting")
	ann.says(t, cli.ExitFailed, `did you mean asked?`, "describe", "askd")
	eve.says(t, cli.ExitFailed, `User "eve" cannot get resource "flowruns"`, "approve", "asked")
	eve.says(t, cli.ExitFailed, "it needs the right to list flowruns.aof.dev in namespace "+a.edit, "runs")
	ann.says(t, cli.ExitOK, "ask: approved by ann at ", "approve", "asked")
	ann.says(t, cli.ExitFailed, "You have approved this already", "approve", "asked")
	bob.says(t, cli.ExitOK, "ask: approved by bob at ", "approve", "asked", "--comment", "go on")
	bob.says(t, cli.ExitFailed, "ask was decided already: approved by ann, bob", "deny", "asked")
	bob.says(t, cli.ExitOK, "is to be cancelled by bob: enough", "cancel", "asked", "--reason", "enough")
	ann.says(t, cli.ExitFailed, "is Waiting: cancel it first", "retry", "asked")

	a.status(t, "asked", `{phase: Cancelled, conditions: [{type: Succeeded, status: "False", reason: Cancelled}]}`)
	assert.Equal(t, cli.ExitFailed, <-follows)
	assert.Contains(t, followed.String(), "ask  approved by bob at ")
	assert.Contains(t, followed.String(), "was cancelled by bob: enough")
	assert.Contains(t, followed.String(), "you lack the right to list pods")

	eve.says(t, cli.ExitFailed, `cannot get resource "flowruns"`, "retry", "asked")
	ann.says(t, cli.ExitOK, " retries asked\n", "retry", "asked")
	bob.says(t, cli.ExitFailed, "run asked was retried already, by asks-", "retry", "asked")
	bob.says(t, cli.ExitFailed, "run asked is over: it was cancelled by bob", "cancel", "asked")
}

// status writes what a runner would.
func (a *admission) status(t *testing.T, name, status string) {
	t.Helper()
	client, err := versioned.NewForConfig(a.As(controller)) // one of those that may
	require.NoError(t, err)
	runs := client.AofV1().FlowRuns(a.edit)
	run, err := runs.Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	run.Status = aofv1.FlowRunStatus{}
	require.NoError(t, yaml.Unmarshal([]byte(status), &run.Status))
	_, err = runs.Update(t.Context(), run, metav1.UpdateOptions{})
	require.NoError(t, err)
}
