// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/agent"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/quota"
	"aof.dev/operator/pkg/runner"
)

// crowd is many runs of one plan in one ledger, and processes that carry them on.
type crowd struct {
	t     *testing.T
	store *sqlite.Store
	// writes of documents, not of runs.
	shared *countedQuotas
	clock  *clocktesting.FakeClock
	plan   *plan.Plan
	fakes  *fakes
	// models answers the agents of the runs.
	models agent.Models
	made   int
	last   *aofv1.FlowRun
	// unclaimed has create put nothing into the ledger.
	unclaimed bool
}

type countedQuotas struct {
	quota.Store
	mu    sync.Mutex
	calls int
	err   error
}

func (c *countedQuotas) Load(ctx context.Context, key quota.Key) ([]byte, string, error) {
	c.mu.Lock()
	c.calls++
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return nil, "", err
	}
	return c.Store.Load(ctx, key)
}

func newCrowd(t *testing.T, limits plan.Limits, overrun *plan.Overrun, nodes ...flow.Node) *crowd {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	if len(nodes) == 0 {
		nodes = []flow.Node{step("a", flow.KindScript)}
	}
	return &crowd{
		t: t, store: store, clock: clocktesting.NewFakeClock(began), fakes: &fakes{by: map[string]behaviour{}},
		shared: &countedQuotas{Store: quota.Documents{Ledger: store}},
		plan: &plan.Plan{
			Namespace: "ns", Binding: "b", FlowNamespace: "ns", Flow: chain(nodes...), Overrun: overrun,
			Context: plan.Context{Object: "prod", Namespace: "ops", Limits: limits},
		},
	}
}

// create makes a run of an event that came through a channel.
func (c *crowd) create(channel string) string {
	c.t.Helper()
	c.made++
	name := fmt.Sprintf("run-%02d", c.made)
	m := event.Message{ID: name, Platform: "slack", Type: "message", Text: "go", Timestamp: began, ChannelID: channel}
	m.User = event.User{ID: "U1"}
	ce, err := m.CloudEvent("ns", "hook", nil)
	require.NoError(c.t, err)
	raw, err := json.Marshal(ce)
	require.NoError(c.t, err)
	c.last = &aofv1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name},
		Spec:       aofv1.FlowRunSpec{Flow: aofv1.ObjectReference{Name: "f"}, Plan: "p", Event: runtime.RawExtension{Raw: raw}},
	}
	if !c.unclaimed {
		require.NoError(c.t, c.store.Create(c.t.Context(), c.last))
	}
	return name
}

func (c *crowd) process(holder string) *runner.Runner {
	executors := node.Executors{}
	for _, kind := range flow.Kinds() {
		executors[kind] = c.fakes
	}
	return &runner.Runner{
		Store: c.store, Plans: onePlan{c.plan}, Clock: c.clock, Holder: holder,
		Nodes: func(agents node.Agents) node.Executors {
			if c.models == nil {
				return executors
			}
			return node.New(node.Options{Agents: agents, Clock: c.clock})
		},
		Agents: &agent.Runner{Models: c.models},
		Quotas: &quota.Keeper{Store: c.shared, Clock: c.clock},
	}
}

func (c *crowd) carry(r *runner.Runner, name string) *aofv1.FlowRun {
	c.t.Helper()
	_, err := r.Run(c.t.Context(), "ns", name)
	require.NoError(c.t, err)
	run, err := c.store.Get(c.t.Context(), "ns", name)
	require.NoError(c.t, err)
	return run
}

func (c *crowd) phases(names ...string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		run, err := c.store.Get(c.t.Context(), "ns", name)
		require.NoError(c.t, err)
		out = append(out, string(run.Status.Phase))
	}
	return out
}

func perMinute(n int64) plan.Limits { return plan.Limits{Limits: guard.Limits{RequestsPerMinute: n}} }

func TestAFullMinuteHasRunsWaitTheirTurn(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, perMinute(2), nil)
	a, b := c.process("a"), c.process("b")
	names := []string{c.create("C1"), c.create("C1"), c.create("C1")}
	for i, name := range names {
		c.carry([]*runner.Runner{a, b}[i%2], name)
	}
	assert.Equal(t, []string{"Succeeded", "Succeeded", "Waiting"}, c.phases(names...))
	run := c.carry(b, names[2])
	require.Len(t, run.Status.Waiting, 1)
	wait := run.Status.Waiting[0]
	assert.Equal(t, "Limit", wait.Kind)
	assert.Equal(t, "Context prod allows 2 runs a minute (max_requests_per_minute)", wait.Message)
	assert.Equal(t, wait.Message, run.Status.GetCondition(aofv1.FlowRunConditionSucceeded).Message)
	assert.Equal(t, began.Add(63*time.Second), wait.Until.UTC())
	assert.Equal(t, "max_requests_per_minute", wait.Details["limit"])
	assert.Nil(t, run.Status.StartTime, "it has not begun")
	assert.Nil(t, run.Status.Lease)
	assert.Equal(t, run.ResourceVersion, c.carry(b, names[2]).ResourceVersion, "asking again writes nothing")
	c.clock.SetTime(wait.Until.Time)
	run = c.carry(b, names[2])
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Empty(t, run.Status.Waiting)
	require.Len(t, run.Status.Limited, 1)
	assert.Equal(t, "waited", run.Status.Limited[0].Outcome)
	assert.Equal(t, 3, c.fakes.count("a"))
}

func TestARunIsRefusedAndItsRequesterTold(t *testing.T) {
	t.Parallel()
	limits := perMinute(1)
	limits.Refuse = true
	c := newCrowd(t, limits, nil)
	var told []node.Request
	c.fakes.by["limit"] = func(_ context.Context, req node.Request) (node.Result, error) {
		told = append(told, req)
		return node.Result{}, nil
	}
	r := c.process("a")
	c.carry(r, c.create("C1"))
	run := c.carry(r, c.create("C1"))
	assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
	assert.Equal(t, &aofv1.RunError{
		Reason:  "RateLimited",
		Message: "Context prod allows 1 runs a minute (max_requests_per_minute); 1 are counted. Try again after 2025-12-18T10:01:03Z",
	}, run.Status.Error)
	assert.Equal(t, "refused", run.Status.Limited[0].Outcome)
	require.Len(t, told, 1)
	assert.Equal(t, "C1", told[0].Run.Channel)
	text, _ := told[0].Scope.Resolve([]string{"text"})
	assert.Equal(t, run.Status.Error.Message, text)
	assert.Equal(t, run.ResourceVersion, c.carry(r, run.Name).ResourceVersion)
	assert.Len(t, told, 1, "once")
}

// Places are for runs at work: one that waits for people has none, and one that
// goes on after that waits for a place but is not counted or refused again.
func TestPlacesAreForRunsAtWork(t *testing.T) {
	t.Parallel()
	limits := plan.Limits{Limits: guard.Limits{Concurrent: 1, RequestsPerMinute: 10}, Refuse: true}
	c := newCrowd(t, limits, nil, step("a", flow.KindScript), step("w", flow.KindWait), step("z", flow.KindScript))
	c.fakes.by["w"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Wait: &flow.Wait{Kind: flow.WaitTimer, Until: began.Add(time.Minute)}}, nil
	}
	first := c.create("C1")
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, c.carry(c.process("a"), first).Status.Phase)

	inside, leave := make(chan struct{}), make(chan struct{})
	c.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		close(inside)
		<-leave
		return node.Result{}, nil
	}
	second := c.create("C1")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := c.process("b").Run(t.Context(), "ns", second)
		assert.NoError(t, err)
	}()
	<-inside
	third := c.carry(c.process("c"), c.create("C1"))
	assert.Equal(t, "TooManyRuns", third.Status.Error.Reason)
	c.clock.SetTime(began.Add(time.Minute))
	run := c.carry(c.process("a"), first)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	assert.Equal(t, "Limit", run.Status.Waiting[0].Kind)
	assert.Contains(t, run.Status.Waiting[0].Message, "max_concurrent")
	assert.Equal(t, map[string]string{"a": "Succeeded", "w": "Waiting"}, phasesOf(run))
	close(leave)
	<-done
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(c.process("a"), first).Status.Phase)
	assert.Equal(t, 1, c.fakes.count("z"))
}

// An event that came by a broker is claimed before it asks for anything.
func TestARunThatIsNotInTheLedgerIsClaimedFirst(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, perMinute(1), &plan.Overrun{Policy: guard.Serialize})
	c.unclaimed = true
	r := c.process("a")
	for _, want := range []aofv1.FlowRunPhase{aofv1.FlowRunPhaseSucceeded, aofv1.FlowRunPhaseWaiting} {
		c.create("C1")
		run, err := r.Carry(t.Context(), c.last.DeepCopy())
		require.NoError(t, err)
		assert.Equal(t, want, run.Status.Phase)
		assert.NotEmpty(t, run.UID)
		_, err = r.Carry(t.Context(), c.last.DeepCopy())
		require.ErrorIs(t, err, runner.ErrExists)
	}
}

// What can't be asked now can be asked by anybody soon.
func TestARunWhoseLimitsCannotBeReadIsLeftToOthers(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, perMinute(1), nil)
	c.unclaimed = true
	name := c.create("C1")
	c.shared.err = quota.ErrMissing
	_, err := c.process("a").Carry(t.Context(), c.last)
	require.ErrorIs(t, err, quota.ErrMissing)
	c.shared.err = nil
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(c.process("b"), name).Status.Phase)
}

func TestARunWithoutLimitsAsksNobody(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, plan.Limits{}, nil)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(c.process("a"), c.create("C1")).Status.Phase)
	assert.Zero(t, c.shared.calls)
}

func TestAForeignCancelEndsWhoWaits(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, perMinute(1), nil)
	r := c.process("a")
	c.carry(r, c.create("C1"))
	name := c.create("C1")
	c.carry(r, name)
	_, err := c.store.Amend(t.Context(), "ns", name, func(spec *aofv1.FlowRunSpec) error {
		spec.Cancel = &aofv1.RunCancel{User: "ann"}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, c.carry(r, name).Status.Phase)
	assert.Equal(t, 1, c.fakes.count("a"))
}

func TestSerialize(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, plan.Limits{}, &plan.Overrun{Policy: guard.Serialize, Key: "${event.channel_id}"}, step("a", flow.KindScript), step("w", flow.KindWait))
	until := began.Add(time.Hour)
	c.fakes.by["w"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Wait: &flow.Wait{Kind: flow.WaitTimer, Until: until}}, nil
	}
	r := c.process("a")
	first, second, other := c.create("C1"), c.create("C1"), c.create("C2")
	c.carry(r, first)
	run := c.carry(r, second)
	assert.Equal(t, "run run-01 of the same key is not over (overrun policy serialize)", run.Status.Waiting[0].Message)
	assert.Len(t, c.carry(r, other).Status.Nodes, 2, "another key")
	// The first is ended by somebody who does not know of turns.
	require.NoError(t, c.store.Delete(t.Context(), "ns", first))
	assert.Len(t, c.carry(c.process("b"), second).Status.Nodes, 2)
	c.clock.SetTime(until)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(r, second).Status.Phase)
	assert.Len(t, c.carry(r, c.create("C1")).Status.Nodes, 2, "its turn came to an end with it")
}

func TestSkip(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, plan.Limits{}, &plan.Overrun{Policy: guard.Skip, Key: "${event.nothing}"}, step("w", flow.KindWait))
	c.fakes.by["w"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Wait: &flow.Wait{Kind: flow.WaitTimer, Until: began.Add(time.Hour)}}, nil
	}
	r := c.process("a")
	c.carry(r, c.create("C1"))
	run := c.carry(r, c.create("C2"))
	assert.Equal(t, aofv1.FlowRunPhaseCancelled, run.Status.Phase)
	assert.Equal(t, "skipped: run run-01 is not over (overrun policy skip)", run.Status.GetCondition(aofv1.FlowRunConditionSucceeded).Message)
	assert.Equal(t, aofv1.LimitHit{Limit: "overrun", Outcome: "skipped", At: run.Status.Limited[0].At}, run.Status.Limited[0])
}

func TestReplace(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, plan.Limits{}, &plan.Overrun{Policy: guard.Replace}, step("w", flow.KindWait))
	c.fakes.by["w"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Wait: &flow.Wait{Kind: flow.WaitTimer, Until: began.Add(time.Hour)}}, nil
	}
	r := c.process("a")
	first, second, third := c.create("C1"), c.create("C1"), c.create("C1")
	c.carry(r, first)
	c.carry(r, second)
	c.carry(c.process("b"), third)
	for _, name := range []string{first, second} {
		run := c.carry(r, name)
		assert.Equal(t, aofv1.FlowRunPhaseCancelled, run.Status.Phase, name)
	}
	run, err := c.store.Get(t.Context(), "ns", second)
	require.NoError(t, err)
	assert.Contains(t, run.Status.GetCondition(aofv1.FlowRunConditionSucceeded).Message, "replaced by run run-03")
	assert.Len(t, c.carry(r, third).Status.Nodes, 1)
}

// talker is a model that uses what it is told to.
type talker struct {
	usage llm.Usage
	err   error
	asked []llm.Request
}

func (m *talker) Open(string) (llm.Provider, string, error) { return m, "m", nil }

func (m *talker) Generate(_ context.Context, req llm.Request) (*llm.Response, error) {
	m.asked = append(m.asked, req)
	if m.err != nil {
		return nil, m.err
	}
	return &llm.Response{Text: "fine", Usage: m.usage}, nil
}

func newTalk(t *testing.T, limits plan.Limits, maxTokens int) (*crowd, *talker) {
	t.Helper()
	n := flow.Node{ID: "ask", Kind: flow.KindAgent, Config: map[string]any{"agent": "helper", "input": "how are you"}}
	c := newCrowd(t, limits, nil, n)
	m := &talker{usage: llm.Usage{InputTokens: 60, OutputTokens: 40}}
	c.models = m
	c.plan.Agents = map[string]agent.Spec{"helper": {Name: "helper", Model: "x:m", MaxTokens: maxTokens}}
	return c, m
}

func TestTokensOfADay(t *testing.T) {
	t.Parallel()
	limits := plan.Limits{Limits: guard.Limits{TokensPerDay: 1000}}
	c, m := newTalk(t, limits, 800)
	for i := range 2 {
		r := c.process(fmt.Sprint("p", i))
		require.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(r, c.create("C1")).Status.Phase)
	}
	run := c.carry(c.process("q"), c.create("C1"))
	require.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase, "200 are used, and a call may take 843")
	assert.Equal(t, "Limit", run.Status.Waiting[0].Kind)
	assert.Equal(t, "ask", run.Status.Waiting[0].Node)
	assert.Contains(t, run.Status.Waiting[0].Message, "allows 1000 tokens a day (max_tokens_per_day), of which 200 are used or held; this call may take 843")
	midnight := time.Date(2025, 12, 19, 0, 0, 2, 0, time.UTC)
	assert.Equal(t, midnight, run.Status.Waiting[0].Until.UTC())
	assert.Len(t, m.asked, 2)
	c.clock.SetTime(midnight)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(c.process("q"), run.Name).Status.Phase)
	assert.Equal(t, "waited", run.Status.Limited[0].Outcome)
}

func TestACallThatCannotBeAffordedFails(t *testing.T) {
	t.Parallel()
	c, m := newTalk(t, plan.Limits{Limits: guard.Limits{TokensPerDay: 1000}}, 0)
	run := c.carry(c.process("a"), c.create("C1"))
	assert.Equal(t, "TokenBudgetExceeded", run.Status.Error.Reason)
	assert.Contains(t, run.Status.Error.Message, "more than a whole day's")
	assert.Empty(t, m.asked)

	limits := plan.Limits{Limits: guard.Limits{TokensPerDay: 5000}, Refuse: true}
	c, m = newTalk(t, limits, 0)
	m.usage = llm.Usage{} // it does not say
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, c.carry(c.process("a"), c.create("C1")).Status.Phase)
	assert.Equal(t, guard.ReplyTokens, m.asked[0].MaxTokens, "what is not bounded can't be kept under a limit")
	run = c.carry(c.process("a"), c.create("C1"))
	assert.Equal(t, "TokenBudgetExceeded", run.Status.Error.Reason)
	assert.Contains(t, run.Status.Error.Message, "Try again after 2025-12-19T00:00:02Z")
	assert.Equal(t, []string{"refused"}, []string{run.Status.Limited[0].Outcome})
}

func TestACallThatNoModelSawCostsNothing(t *testing.T) {
	t.Parallel()
	c, m := newTalk(t, plan.Limits{Limits: guard.Limits{TokensPerDay: 1000}}, 800)
	for kind, costs := range map[llm.Kind]bool{llm.Auth: false, llm.BadRequest: false, llm.ContentFilter: true} {
		m.err = llm.NewError(kind, "x", "no")
		c.carry(c.process("a"), c.create("C1"))
		var used int64
		require.NoError(t, c.process("b").Quotas.Quota(t.Context(), quota.Key{Kind: quota.Context, Namespace: "ops", Name: "prod"},
			func(q *guard.Quota, _ time.Time) bool {
				used = q.Days[0].Used + q.Days[0].Held
				q.Days = nil
				return true
			}))
		assert.Equal(t, costs, used > 0, kind)
	}
}

func TestARunMayNotWorkForever(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, plan.Limits{ExecutionSeconds: 10}, nil, step("a", flow.KindScript), step("w", flow.KindWait), step("z", flow.KindScript))
	c.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		c.clock.SetTime(c.clock.Now().Add(6 * time.Second))
		return node.Result{}, nil
	}
	until := began.Add(time.Hour)
	c.fakes.by["w"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Wait: &flow.Wait{Kind: flow.WaitTimer, Until: until}}, nil
	}
	c.fakes.by["z"] = func(ctx context.Context, _ node.Request) (node.Result, error) {
		c.clock.SetTime(c.clock.Now().Add(4 * time.Second))
		<-ctx.Done()
		return node.Result{}, ctx.Err()
	}
	name := c.create("C1")
	run := c.carry(c.process("a"), name)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	assert.EqualValues(t, 6000, run.Status.WorkedMilliseconds)
	c.clock.SetTime(until)
	run = c.carry(c.process("a"), name)
	assert.Equal(t, aofv1.FlowRunPhaseFailed, run.Status.Phase)
	assert.Equal(t, "ExecutionTimeExceeded", run.Status.Error.Reason)
	assert.Contains(t, run.Status.Error.Message, "10 seconds (max_execution_time_seconds)")
	assert.EqualValues(t, 10_000, run.Status.WorkedMilliseconds)
}
