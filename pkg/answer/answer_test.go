// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"aof.dev/operator/pkg/answer"
	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	aofclient "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/ledger/ledgertest"
	"aof.dev/operator/pkg/source"
)

var now = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// desk is a Taker over a ledger with one run that waits for an approval.
type desk struct {
	*answer.Taker

	store   ledger.Store
	mu      sync.Mutex
	replies []string
	decided int
}

func newDesk(t *testing.T, details map[string]any) *desk {
	t.Helper()
	client, err := aofclient.NewForConfig(&rest.Config{Host: "http://api", Transport: &ledgertest.API{}, QPS: -1})
	require.NoError(t, err)
	d := &desk{store: kube.New(client.RESTClient())}
	m := event.Message{ID: "1", Platform: "slack", Type: "message", Text: "x", Timestamp: now, User: event.User{ID: "U1"}}
	ce, err := m.CloudEvent("ops", "slack", nil)
	require.NoError(t, err)
	raw, err := json.Marshal(ce)
	require.NoError(t, err)
	run := &aofv1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "r"}, Spec: aofv1.FlowRunSpec{
		Flow: aofv1.ObjectReference{Name: "f"}, Trigger: &aofv1.ObjectReference{Namespace: "ops", Name: "slack"},
		Event: runtime.RawExtension{Raw: raw},
	}}
	require.NoError(t, d.store.Create(t.Context(), run))
	details["digest"], details["channel"], details["ts"] = "d", "C1", "1.2"
	wait := aofv1.WaitStatus{Node: "ask", Kind: "Approval", Message: "go?", Details: details}
	run.Status.MarkWaiting("")
	run.Status.Nodes = []aofv1.NodeStatus{{ID: "ask", Phase: aofv1.NodePhaseWaiting, Wait: &wait}}
	run.Status.Waiting = []aofv1.WaitStatus{wait}
	require.NoError(t, d.store.Update(t.Context(), run))
	d.Taker = &answer.Taker{
		Runs: d.store, Clock: clocktesting.NewFakePassiveClock(now), Trigger: types.NamespacedName{Namespace: "ops", Name: "slack"}, Platform: "slack",
		Reply: func(_ context.Context, _ *aofv1.FlowRun, _ source.Answer, text string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.replies = append(d.replies, text)
		},
		Decided: func(*aofv1.FlowRun) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.decided++
		},
	}
	return d
}

func pressed(user string) source.Answer {
	return source.Answer{
		User: event.User{ID: user}, Channel: "C1", Message: "1.2", Thread: "1.0", Approved: true,
		Question: &source.Question{Namespace: "team", Run: "r", Node: "ask", Digest: "d"},
	}
}

func (d *desk) decisions(t *testing.T) []string {
	t.Helper()
	run, err := d.store.Get(t.Context(), "team", "r")
	require.NoError(t, err)
	var users []string
	for i := range run.Spec.Decisions {
		users = append(users, run.Spec.Decisions[i].User)
	}
	return users
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	change := func(by func(*source.Answer)) source.Answer {
		a := pressed("U2")
		by(&a)
		return a
	}
	for name, test := range map[string]struct {
		answer  source.Answer
		taken   bool
		reply   string
		decides bool
	}{
		"a button":               {pressed("U2"), true, "<@U2> has approved this.", true},
		"who asked":              {pressed("U1"), true, "asked for this yourself", false},
		"a foreigner":            {pressed("U9"), true, "not among those", false},
		"another question":       {change(func(a *source.Answer) { a.Question.Digest = "old" }), true, "not asked any more", false},
		"a run that is gone":     {change(func(a *source.Answer) { a.Question.Run = "gone" }), false, "", false},
		"a run of nobody's name": {change(func(a *source.Answer) { a.Question.Run = "../x" }), false, "", false},
		"a no":                   {change(func(a *source.Answer) { a.Approved = false }), true, "<@U2> has denied this.", true},
		"a reaction":             {source.Answer{User: event.User{ID: "U2"}, Channel: "C1", Message: "1.2", Reaction: "x"}, false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, map[string]any{"approvers": []any{"U1", "slack:U2"}})
			taken, err := d.Take(t.Context(), test.answer)
			require.NoError(t, err)
			assert.Equal(t, test.taken, taken)
			if test.reply == "" {
				assert.Empty(t, d.replies)
			} else {
				require.Len(t, d.replies, 1)
				assert.Contains(t, d.replies[0], test.reply)
			}
			if test.decides {
				assert.Equal(t, []string{"slack:U2"}, d.decisions(t))
				assert.Equal(t, 1, d.decided)
			} else {
				assert.Empty(t, d.decisions(t))
			}
		})
	}
}

// A workspace decides for the runs of its own Trigger only, whatever a button of
// it says.
func TestAnswersAreForTheTriggersOwnRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{})
	d.Trigger.Name = "other"
	taken, err := d.Take(t.Context(), pressed("U2"))
	require.NoError(t, err)
	assert.False(t, taken)
	assert.Empty(t, d.decisions(t))
}

func TestManyAnswerAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{"min_approvers": 3})
	var people sync.WaitGroup
	for i := range 6 {
		people.Go(func() {
			_, err := d.Take(t.Context(), pressed(fmt.Sprintf("U1%d", i)))
			assert.NoError(t, err)
		})
	}
	people.Wait()
	assert.Len(t, d.decisions(t), 3, "the rest came too late")
	assert.Len(t, d.replies, 6)
}

type fixed struct{ d source.Delivery }

func (f fixed) Receive(context.Context, source.Request, time.Time) (source.Delivery, error) {
	return f.d, nil
}

type away struct{ answer.Runs }

func (away) Get(context.Context, string, string) (*aofv1.FlowRun, error) {
	return nil, errors.New("no ledger")
}

// What settles a question is shown in its place; what can't be shown there is said.
func TestAQuestionShowsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		can     bool
		settled []string
		replies []string
	}{
		"where messages can be changed": {true, []string{"C1 1.2 go? <@U3> has approved this."}, []string{"<@U2> has approved this. Approvals still needed: 1."}},
		"where they can't":              {false, nil, []string{"<@U2> has approved this. Approvals still needed: 1.", "<@U3> has approved this."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, map[string]any{"min_approvers": 2})
			var settled []string
			d.Settle = func(_ context.Context, _ *aofv1.FlowRun, question source.Receipt, text, outcome string) bool {
				if test.can {
					settled = append(settled, question.Channel+" "+question.ID+" "+text+" "+outcome)
				}
				return test.can
			}
			for _, user := range []string{"U2", "U3"} {
				taken, err := d.Take(t.Context(), pressed(user))
				require.NoError(t, err)
				assert.True(t, taken)
			}
			assert.Equal(t, test.settled, settled)
			assert.Equal(t, test.replies, d.replies)
		})
	}
}

// connection hands on one delivery and ends.
type connection struct{ d source.Delivery }

func (c connection) Listen(ctx context.Context, deliver func(context.Context, source.Delivery) error) error {
	return deliver(ctx, c.d)
}

func TestStreamTakesAnswersAsAReceiverDoes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, map[string]any{})
	listen := func() (out source.Delivery, err error) {
		in := source.Delivery{Answers: []source.Answer{pressed("U2")}}
		err = d.Stream(connection{in}).Listen(t.Context(), func(_ context.Context, got source.Delivery) error {
			out = got
			return nil
		})
		return out, err
	}
	out, err := listen()
	require.NoError(t, err)
	assert.Len(t, out.Taken, 1)
	assert.Equal(t, []string{"slack:U2"}, d.decisions(t))
	d.Runs = away{d.Runs}
	_, err = listen()
	require.Error(t, err, "it is not acknowledged, so that it comes again")
}

func TestReceiverTakesAnswersAndLetsTheRestPass(t *testing.T) {
	t.Parallel()
	message := event.Message{ID: "1"}
	receive := func(d *desk, in source.Delivery) (source.Delivery, error) {
		return d.Receiver(fixed{in}).Receive(t.Context(), source.Request{}, now)
	}
	d := newDesk(t, map[string]any{})
	out, err := receive(d, source.Delivery{Answers: []source.Answer{pressed("U2")}})
	require.NoError(t, err)
	assert.Equal(t, []event.Message{{Platform: "slack", Type: "answer", Source: "slack", User: event.User{ID: "U2"}}}, out.Taken)
	assert.Empty(t, out.Ignored)

	reaction := source.Answer{User: event.User{ID: "U2"}, Channel: "C1", Message: "9.9", Reaction: "eyes"}
	out, err = receive(d, source.Delivery{Messages: []event.Message{message}, Answers: []source.Answer{reaction}})
	require.NoError(t, err)
	assert.Equal(t, []event.Message{message}, out.Messages, "a reaction to anything else is an event")
	assert.Empty(t, out.Ignored)

	gone := pressed("U2")
	gone.Question.Run = "gone"
	out, err = receive(d, source.Delivery{Answers: []source.Answer{gone}})
	require.NoError(t, err)
	assert.Contains(t, out.Ignored, "nobody asks")

	d.Runs = away{d.Runs}
	_, err = receive(d, source.Delivery{Answers: []source.Answer{pressed("U3")}})
	var e *source.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, source.Unavailable, e.Kind, "the platform is to send it again")
}
