// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/audit"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/node"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/runner"
)

// receiver is an audit sink that checks what it gets.
type receiver struct {
	mu       sync.Mutex
	lines    []string // of which each came first, in that order
	seen     map[string]string
	repeats  int
	calls    int
	targets  []audit.Target
	wrong    []string
	behave   func(ctx context.Context, lines []string) (int, error)
	finished chan struct{} // told of each call that is over
}

func newReceiver() *receiver {
	return &receiver{seen: map[string]string{}, finished: make(chan struct{}, 10000)}
}

func (r *receiver) Deliver(ctx context.Context, target audit.Target, lines []string) (int, error) {
	defer func() { r.finished <- struct{}{} }()
	r.mu.Lock()
	r.calls++
	r.targets = append(r.targets, target)
	behave := r.behave
	r.mu.Unlock()
	n := len(lines)
	var err error
	if behave != nil {
		n, err = behave(ctx, lines)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range lines[:n] {
		var record audit.Record
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			r.wrong = append(r.wrong, "no JSON: "+line)
			continue
		}
		if before, ok := r.seen[record.ID]; ok {
			r.repeats++
			if before != line {
				r.wrong = append(r.wrong, "one id, two records: "+before+" "+line)
			}
			continue
		}
		if record.Seq != int64(len(r.lines))+1 {
			r.wrong = append(r.wrong, fmt.Sprintf("record %d comes as number %d", record.Seq, len(r.lines)+1))
		}
		r.seen[record.ID] = line
		r.lines = append(r.lines, line)
	}
	return n, err
}

func (r *receiver) does(behave func(ctx context.Context, lines []string) (int, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = behave
}

func (r *receiver) records(t *testing.T) []audit.Record {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Empty(t, r.wrong)
	out := make([]audit.Record, len(r.lines))
	for i, line := range r.lines {
		require.NoError(t, json.Unmarshal([]byte(line), &out[i]))
	}
	return out
}

// told are the records in short.
func (r *receiver) told(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, record := range r.records(t) {
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(record.Event, " ", record.Status, " ", record.Node, " ", record.Answer)), " "))
	}
	return out
}

func (s *scene) audited(config plan.Audit) *receiver {
	if config.Sink == "" {
		config.Sink = "webhook"
	}
	s.plan.Context.Audit = &config
	s.sink = newReceiver()
	return s.sink
}

func down(context.Context, []string) (int, error) { return 0, errors.New("it is down") }

func TestAuditOfARun(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("t", flow.KindTransform), step("a", flow.KindAgent), step("s", flow.KindScript), step("r", flow.KindResponse)))
	s.plan.Context.Object, s.plan.Context.Facts = "prod", map[string]string{"cluster": "c1", "namespace": "shop"}
	s.plan.Flow.Nodes[1].Config["agent"] = "helper"
	sink := s.audited(plan.Audit{})
	s.fakes.by["a"] = func(context.Context, node.Request) (node.Result, error) {
		return node.Result{Output: map[string]any{"output": "ok"}, Usage: flow.Usage{InputTokens: 3, OutputTokens: 4}}, nil
	}
	s.fakes.by["s"] = func(_ context.Context, req node.Request) (node.Result, error) {
		_, err := req.Gate(node.Action{Text: "df -h", Fingerprint: "f"})
		return node.Result{}, err
	}
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Equal(t, []string{
		"run_started started", "node succeeded t", "agent_start started a", "agent_complete succeeded a", "tool_call started s",
		"tool_call succeeded s", "message started r", "message succeeded r", "run_finished succeeded",
	}, sink.told(t))
	records := sink.records(t)
	for i, r := range records {
		assert.Equal(t, fmt.Sprintf("%s%d", identity(run), i+1), r.ID)
		assert.Equal(t, audit.About{Run: "r", RunNamespace: "ns", Flow: "f", Binding: "b", Context: "prod", Cluster: "c1", Namespace: "shop", User: "webhook:U1"}, r.About)
		assert.Empty(t, r.Input, "no payload was asked for")
		assert.Empty(t, r.Output)
	}
	assert.Equal(t, "helper", records[3].Agent)
	assert.EqualValues(t, 7, records[3].TokensUsed)
	assert.Equal(t, "df -h", records[5].Command)
	assert.EqualValues(t, 7, records[8].TokensUsed)
	assert.Equal(t, aofv1.RunAudit{Records: 9, Delivered: 9, Ended: true}, *run.Status.Audit)
	assert.Zero(t, sink.repeats)

	plain := setScene(t, s.plan.Flow)
	plain.fakes.by = s.fakes.by
	plain.fakes.by["s"] = nil
	plain.run(t)
	assert.Equal(t, plain.store.updates+1, s.store.updates, "the audit costs one write, when the run is over")
}

func TestAuditIsOnlyOfWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("a", flow.KindAgent), step("s", flow.KindScript)))
	sink := s.audited(plan.Audit{Events: []string{"tool_call"}, Payload: true})
	run := s.run(t)
	assert.Equal(t, []string{"tool_call started s", "tool_call succeeded s"}, sink.told(t))
	assert.JSONEq(t, `{"output":"from s"}`, string(sink.records(t)[1].Output))
	assert.EqualValues(t, 2, run.Status.Audit.Records)

	s = setScene(t, chain(step("a", flow.KindAgent)))
	sink = s.audited(plan.Audit{Events: []string{"limited"}})
	run = s.run(t)
	assert.Empty(t, sink.told(t))
	_, due := run.AuditDue()
	assert.False(t, due)
	assert.Equal(t, 2, s.store.updates, "nothing to deliver, nothing to write")
}

func TestAuditWithoutOneCostsNothing(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript)))
	s.sink = newReceiver()
	run := s.run(t)
	assert.Nil(t, run.Status.Audit)
	assert.Zero(t, s.sink.calls)
	updates, gets := s.store.updates, s.store.gets
	_, err := s.runner("a").Carry(t.Context(), run)
	require.NoError(t, err)
	assert.Equal(t, updates, s.store.updates)
	assert.Equal(t, gets, s.store.gets)
}

func TestAuditSinkThatIsDown(t *testing.T) {
	t.Parallel()
	s := setScene(t, fiveNodes())
	sink := s.audited(plan.Audit{})
	sink.does(down)
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Equal(t, began, s.clock.Now(), "it delayed nothing")
	a := run.Status.Audit
	assert.EqualValues(t, 11, a.Records)
	assert.Len(t, a.Pending, 11)
	assert.Equal(t, "it is down", a.LastError)
	assert.EqualValues(t, 1, a.Failures, "it is left alone for a while")
	assert.Equal(t, began.Add(5*time.Second), a.NextTry.UTC())

	calls := sink.calls
	s.run(t)
	assert.Equal(t, calls, sink.calls, "not yet")
	for i, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		s.clock.Step(pause)
		run = s.run(t)
		assert.EqualValues(t, i+2, run.Status.Audit.Failures)
		assert.Len(t, run.Status.Audit.Pending, 11)
	}
	s.clock.Step(time.Minute)
	sink.does(nil)
	run = s.run(t)
	assert.Equal(t, aofv1.RunAudit{Records: 11, Delivered: 11, Ended: true}, *run.Status.Audit)
	assert.Len(t, sink.records(t), 11)
	for _, id := range []string{"t", "a", "post", "s", "r"} {
		assert.Equal(t, 1, s.fakes.count(id))
	}
}

func TestAuditIsTakenInParts(t *testing.T) {
	t.Parallel()
	s := setScene(t, fiveNodes())
	sink := s.audited(plan.Audit{})
	sink.does(func(_ context.Context, lines []string) (int, error) {
		return min(3, len(lines)), errors.New("too many at once")
	})
	run := s.run(t)
	for i := 0; run.Status.Audit.Undelivered() > 0; i++ {
		require.Less(t, i, 10)
		s.clock.SetTime(run.Status.Audit.NextTry.Time)
		run = s.run(t)
	}
	assert.Len(t, sink.records(t), 11)
	assert.Zero(t, sink.repeats, "what was taken is not sent again")
}

// The run is over in the ledger while the sink hangs, and the process does not
// wait for it for long.
func TestAuditSinkThatHangs(t *testing.T) {
	t.Parallel()
	s := setScene(t, fiveNodes())
	sink := s.audited(plan.Audit{})
	sink.does(func(ctx context.Context, _ []string) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	done := s.start(t.Context(), s.runner("a"))
	s.clock.await(3 * time.Second)
	stored := s.stored(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, stored.Status.Phase)
	assert.Nil(t, stored.Status.Lease)
	s.clock.Step(3 * time.Second)
	out := <-done
	require.NoError(t, out.err)
	stored = s.stored(t)
	assert.Len(t, stored.Status.Audit.Pending, 11)
	assert.Contains(t, stored.Status.Audit.LastError, "before the runner had to go on")
	sink.does(nil)
	s.clock.Step(time.Minute)
	s.run(t)
	assert.Len(t, sink.records(t), 11)
}

// While nodes work, what the ledger has goes out already.
func TestAuditGoesOutWhileNodesWork(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript), step("r", flow.KindResponse)))
	sink := s.audited(plan.Audit{})
	s.fakes.by["r"] = func(context.Context, node.Request) (node.Result, error) {
		<-sink.finished
		return node.Result{}, nil
	}
	s.run(t)
	assert.Len(t, sink.records(t), 6)
}

func TestAuditOfDecisions(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(flow.Node{ID: "ask", Kind: flow.KindApproval}, step("deploy", flow.KindScript)))
	sink := s.audited(plan.Audit{})
	details := map[string]any{"digest": node.Digest("ask", "deploy?"), "approvers": []any{"alice", "bob", "U1"}, "min_approvers": 2, "command": "deploy"}
	s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Message: "deploy?", Until: began.Add(5 * time.Minute), Details: details})
	s.run(t)
	for _, user := range []string{"mallory", "webhook:U1", "alice", "alice"} {
		s.says(t, user, true)
		s.run(t)
	}
	s.adds(t, aofv1.RunDecision{Node: "ask", Digest: "else", Approved: true, User: "bob", At: metav1.NewMicroTime(began)})
	s.says(t, "bob", true)
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	s.adds(t, aofv1.RunDecision{Node: "ask", Digest: node.Digest("ask", "deploy?"), User: "alice", At: metav1.NewMicroTime(began)})
	_, due := s.stored(t).AuditDue()
	assert.True(t, due, "what is said too late is on record as well")
	run = s.run(t)
	assert.Equal(t, []string{
		"run_started started", "approval_requested waiting ask", "run_waiting waiting",
		"decision approved ask foreign", "decision approved ask self", "decision approved ask accepted", "decision approved ask repeated",
		"run_resumed resumed", "decision approved ask other", "decision approved ask accepted", "approval_granted approved ask", "node succeeded ask",
		"tool_call started deploy", "tool_call succeeded deploy", "run_finished succeeded", "decision denied ask late",
	}, sink.told(t))
	granted := sink.records(t)[10]
	assert.Equal(t, "alice, bob", granted.ApprovedBy)
	assert.Equal(t, "deploy", granted.Command)
	assert.True(t, granted.ApprovalRequired)
	assert.Equal(t, began, *granted.ApprovalTimestamp)
	assert.EqualValues(t, 7, run.Status.Audit.Decisions)
}

func TestAuditOfAnApprovalNobodyGave(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(flow.Node{ID: "ask", Kind: flow.KindApproval}, step("deploy", flow.KindScript)))
	sink := s.audited(plan.Audit{Events: []string{"approval_denied", "approval_granted"}})
	s.fakes.by["ask"] = waitFor(flow.Wait{Kind: flow.WaitApproval, Message: "deploy?", Until: began.Add(time.Minute), Details: map[string]any{"digest": "d"}})
	s.run(t)
	s.clock.Step(time.Minute)
	s.run(t)
	assert.Equal(t, []string{"approval_denied timeout ask"}, sink.told(t))
}

// A waiting run gets rid of what it has to tell although nobody answers.
func TestAuditOfARunThatWaits(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("w", flow.KindWait)))
	sink := s.audited(plan.Audit{})
	sink.does(down)
	s.fakes.by["w"] = waitFor(flow.Wait{Kind: flow.WaitTimer, Until: began.Add(time.Hour)})
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	at, due := run.AuditDue()
	require.True(t, due)
	s.clock.SetTime(at)
	sink.does(nil)
	run = s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseWaiting, run.Status.Phase)
	assert.Equal(t, []string{"run_started started", "node waiting w", "run_waiting waiting"}, sink.told(t))
	_, due = run.AuditDue()
	assert.False(t, due)
}

// The controller ends runs without knowing where records go.
func TestAuditOfARunThatSomebodyElseEnded(t *testing.T) {
	t.Parallel()
	for _, began := range []bool{true, false} {
		s := setScene(t, chain(step("w", flow.KindWait)))
		sink := s.audited(plan.Audit{})
		s.fakes.by["w"] = waitFor(flow.Wait{Kind: flow.WaitTimer, Until: s.clock.Now().Add(time.Hour)})
		run := s.stored(t)
		if began {
			run = s.run(t)
		} else {
			run.Status.Audit = &aofv1.RunAudit{}
		}
		now := metav1.NewMicroTime(s.clock.Now())
		run.Status.MarkCancelled("cancelled by ann")
		run.Status.StartTime, run.Status.CompletionTime = &now, &now
		require.NoError(t, s.store.Update(t.Context(), run))
		run = s.run(t)
		assert.True(t, run.Status.Audit.Ended)
		records := sink.records(t)
		last := records[len(records)-1]
		assert.Equal(t, audit.RunFinished, last.Event)
		assert.Equal(t, "cancelled by ann", last.Message)
		_, due := run.AuditDue()
		assert.False(t, due)
	}
}

func TestAuditHoldsNoSecret(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript)))
	sink := s.audited(plan.Audit{URL: "https://audit.example.com/${AUDIT_PATH}", Headers: map[string]string{"Authorization": "Bearer ${AUDIT_TOKEN}"}, Payload: true})
	sink.does(func(context.Context, []string) (int, error) {
		return 0, errors.New("refused tok-123456 at /secret-path")
	})
	s.fakes.by["s"] = func(_ context.Context, req node.Request) (node.Result, error) {
		value, _ := req.Scope.Resolve([]string{"API_TOKEN"})
		_, err := req.Gate(node.Action{Text: fmt.Sprint("curl -H ", value)})
		return node.Result{Output: map[string]any{"output": fmt.Sprint("it is ", value, " and tok-123456")}}, err
	}
	secrets := map[string]string{"API_TOKEN": "hunter2222", "AUDIT_TOKEN": "tok-123456", "AUDIT_PATH": "secret-path"}
	r := s.runner("a")
	r.Secrets = func(string) *runner.Secrets {
		return runner.NewSecrets(func(name string) (string, bool) { v, ok := secrets[name]; return v, ok })
	}
	run, err := r.Run(t.Context(), "ns", "r")
	require.NoError(t, err)
	assert.Equal(t, audit.Target{Sink: "webhook", URL: "https://audit.example.com/secret-path", Headers: map[string]string{"Authorization": "Bearer tok-123456"}}, sink.targets[0])
	raw, err := json.Marshal(run)
	require.NoError(t, err)
	for _, secret := range secrets {
		assert.NotContains(t, string(raw), secret)
	}
	assert.Contains(t, string(raw), "curl -H ***")
}

func TestAuditWithATargetThatCannotBe(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript)))
	sink := s.audited(plan.Audit{URL: "${AUDIT_WEBHOOK_URL}"})
	run := s.run(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Zero(t, sink.calls)
	assert.Len(t, run.Status.Audit.Pending, 4)
	assert.Contains(t, run.Status.Audit.LastError, "audit.url")
	assert.Contains(t, run.Status.Audit.LastError, "AUDIT_WEBHOOK_URL")
}

func TestAuditThatIsTooMuchIsLeftOutAndSaysSo(t *testing.T) {
	t.Parallel()
	var nodes []flow.Node
	for i := range 40 {
		nodes = append(nodes, step(fmt.Sprintf("s%d", i), flow.KindScript))
	}
	s := setScene(t, chain(nodes...))
	sink := s.audited(plan.Audit{Payload: true})
	sink.does(down)
	for _, n := range nodes {
		s.fakes.by[n.ID] = func(context.Context, node.Request) (node.Result, error) {
			return node.Result{Output: strings.Repeat("x", 7000)}, nil
		}
	}
	run := s.run(t)
	require.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	a := run.Status.Audit
	assert.Positive(t, a.Omitted)
	assert.Equal(t, int64(len(a.Pending)), a.Undelivered())
	var last audit.Record
	require.NoError(t, json.Unmarshal([]byte(a.Pending[len(a.Pending)-1]), &last))
	assert.Equal(t, audit.RunFinished, last.Event)
	assert.Equal(t, a.Omitted, last.Omitted)
	assert.Equal(t, a.Records, last.Seq)
}

// checkAudit: every record came, each always the same, in order, and they say of
// every node what the journal says.
func checkAudit(t *testing.T, sink *receiver, run *aofv1.FlowRun) {
	t.Helper()
	records := sink.records(t)
	require.EqualValues(t, len(records), run.Status.Audit.Records)
	assert.Zero(t, run.Status.Audit.Undelivered())
	ended, ends := map[string]int{}, 0
	for _, r := range records {
		assert.True(t, strings.HasPrefix(r.ID, identity(run)))
		switch {
		case r.Event == audit.RunFinished:
			ends++
			assert.Equal(t, string(run.Status.Phase), map[audit.Status]string{audit.Succeeded: "Succeeded", audit.Failed: "Failed"}[r.Status])
		case r.Event != audit.Decision && (r.Status == audit.Succeeded || r.Status == audit.Failed || r.Status == audit.Skipped):
			ended[r.Node]++
		}
	}
	assert.Equal(t, 1, ends)
	assert.Equal(t, audit.RunStarted, records[0].Event)
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		assert.Equal(t, 1, ended[n.ID], "%s is %s", n.ID, n.Phase)
	}
}

func TestAuditSurvivesACrashAtEveryWrite(t *testing.T) {
	t.Parallel()
	for _, c := range crashes() {
		for n := 1; n <= 6; n++ {
			t.Run(fmt.Sprintf("%s %d", c.name, n), func(t *testing.T) {
				t.Parallel()
				s := setScene(t, fiveNodes())
				sink := s.audited(plan.Audit{})
				_, _ = s.runner("a").Run(c.prepare(t, s, n), "ns", "r")
				s.store.before, s.store.after = nil, nil
				for i := 0; ; i++ {
					require.Less(t, i, 5)
					s.clock.Step(time.Minute)
					run, err := s.runner("b").Run(t.Context(), "ns", "r")
					require.NoError(t, err)
					if _, due := run.AuditDue(); run.IsDone() && !due {
						checkAudit(t, sink, run)
						return
					}
				}
			})
		}
	}
}

// mortalSink is the sink as a process sees it that may die at it.
type mortalSink struct {
	*receiver

	process *process
}

func (m *mortalSink) Deliver(ctx context.Context, target audit.Target, lines []string) (int, error) {
	if m.process.point() != nil {
		return 0, errCrash
	}
	n, err := m.receiver.Deliver(ctx, target, lines)
	if m.process.point() != nil {
		return 0, errCrash
	}
	return n, err
}

// TestAuditSurvivesCrashesEverywhere ends processes at every write, every effect
// and every delivery of a flow with something of everything.
func TestAuditSurvivesCrashesEverywhere(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := int64(1)
			if name == "sqlite" || brief || testing.Short() {
				step = 5
			}
			repeats := 0
			for k := int64(1); k <= 90; k += step {
				w, sink := newWorld(open(t)), newReceiver()
				w.plan.Context.Audit = &plan.Audit{Sink: "webhook"}
				for i, at := range []int64{k, k/2 + 1, 0} {
					p := w.process(t, w.ledger, fmt.Sprintf("p%d", i), at)
					p.runner.Audit = &mortalSink{sink, p}
					if run := p.live(t); run == nil {
						w.clock.Step(runner.DefaultLease + time.Second)
					}
				}
				last := w.process(t, w.ledger, "last", 0)
				last.runner.Audit = sink
				run := w.stored(t)
				for i := 0; ; i++ {
					require.Less(t, i, 5)
					if _, due := run.AuditDue(); !due {
						break
					}
					w.clock.Step(time.Minute)
					var err error
					run, err = last.runner.Run(t.Context(), "ns", "r")
					require.NoError(t, err)
				}
				checkAudit(t, sink, run)
				repeats += sink.repeats
				require.False(t, t.Failed(), "crash at %d", k)
			}
			assert.Positive(t, repeats, "some records came twice, with the same id")
		})
	}
}

// A run that touches the ledger's limit loses records, not its outcome.
func TestAuditMakesNoRunTooLarge(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript), step("r", flow.KindResponse)))
	sink := s.audited(plan.Audit{})
	sink.does(down)
	refused := 0
	s.store.before = func(_ int, run *aofv1.FlowRun) error {
		if a := run.Status.Audit; a != nil && len(a.Pending) > 3 && !run.IsDone() {
			refused++
			return ledger.ErrTooLarge
		}
		return nil
	}
	run := s.run(t)
	assert.Positive(t, refused)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	assert.Positive(t, run.Status.Audit.Omitted)
}

// identity is what the ids of a run's records begin with.
func identity(run *aofv1.FlowRun) string {
	return run.Name + "." + strconv.FormatInt(run.Status.StartTime.UnixMicro(), 36) + "-"
}

// What a limit did to the run is on record once, whoever wrote it down.
func TestAuditOfLimits(t *testing.T) {
	t.Parallel()
	s := setScene(t, chain(step("s", flow.KindScript)))
	sink := s.audited(plan.Audit{Events: []string{"limited"}})
	run := s.stored(t)
	at := metav1.NewMicroTime(began)
	run.Status.Limited = []aofv1.LimitHit{
		{Limit: "max_requests_per_minute", Outcome: "waited", At: &at}, {Limit: "max_tokens_per_day", Outcome: "refused", At: &at},
	}
	require.NoError(t, s.store.Update(t.Context(), run))
	run = s.run(t)
	assert.Equal(t, []string{"limited waiting", "limited refused"}, sink.told(t))
	assert.Equal(t, "max_tokens_per_day", sink.records(t)[1].Reason)
	assert.EqualValues(t, 2, run.Status.Audit.Limited)
}
