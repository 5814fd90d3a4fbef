// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"aof.dev/operator/pkg/guard"
)

var (
	asked = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	until = asked.Add(5 * time.Minute)
)

// yes and no are decisions about the right thing, made so many minutes in.
func yes(user string, minutes int, aliases ...string) guard.Decision {
	return guard.Decision{Digest: "d", User: user, Aliases: aliases, Approved: true, At: asked.Add(time.Duration(minutes) * time.Minute)}
}

func no(user string, minutes int, aliases ...string) guard.Decision {
	d := yes(user, minutes, aliases...)
	d.Approved = false
	return d
}

func about(digest string, d guard.Decision) guard.Decision {
	d.Digest = digest
	return d
}

func TestDecide(t *testing.T) {
	t.Parallel()
	two := guard.Rule{MinApprovers: 2}
	tests := []struct {
		name      string
		rule      guard.Rule
		decisions []guard.Decision
		now       int // minutes
		outcome   guard.Outcome
		by        []string
		answers   []guard.Answer
	}{
		{"nobody has said anything", guard.Rule{}, nil, 4, guard.Undecided, nil, nil},
		{"nobody says anything in time", guard.Rule{}, nil, 5, guard.TimedOut, nil, nil},
		{"anybody may approve", guard.Rule{}, []guard.Decision{yes("alice", 1)}, 2, guard.Approved, []string{"alice"}, []guard.Answer{guard.Accepted}},
		{"anybody may deny", guard.Rule{}, []guard.Decision{no("alice", 1)}, 2, guard.Denied, []string{"alice"}, []guard.Answer{guard.Accepted}},
		{"what was decided in time stays so", guard.Rule{}, []guard.Decision{yes("alice", 4)}, 60, guard.Approved, []string{"alice"}, []guard.Answer{guard.Accepted}},
		{"at the last moment it is late", guard.Rule{}, []guard.Decision{yes("alice", 5)}, 5, guard.TimedOut, nil, []guard.Answer{guard.Late}},
		{
			"the first valid answer wins",
			guard.Rule{},
			[]guard.Decision{yes("alice", 1), no("bob", 2)},
			3, guard.Approved,
			[]string{"alice"},
			[]guard.Answer{guard.Accepted, guard.Late},
		},
		{
			"a foreigner decides nothing",
			guard.Rule{AllowedUsers: []string{"bob"}},
			[]guard.Decision{yes("mallory", 1), no("mallory", 1)},
			2, guard.Undecided,
			nil,
			[]guard.Answer{guard.Foreign, guard.Foreign},
		},
		{"about something else", guard.Rule{}, []guard.Decision{about("x", yes("alice", 1))}, 2, guard.Undecided, nil, []guard.Answer{guard.Other}},
		{"about nothing", guard.Rule{}, []guard.Decision{about("", yes("alice", 1))}, 2, guard.Undecided, nil, []guard.Answer{guard.Other}},
		{
			"two are needed", two,
			[]guard.Decision{yes("alice", 1), yes("alice", 2)},
			3, guard.Undecided,
			[]string{"alice"},
			[]guard.Answer{guard.Accepted, guard.Repeated},
		},
		{
			"one person with two names is one", two,
			[]guard.Decision{yes("slack:U1", 1, "alice@example.com"), yes("alice@EXAMPLE.com", 2)},
			3, guard.Undecided,
			[]string{"slack:U1"},
			[]guard.Answer{guard.Accepted, guard.Repeated},
		},
		{
			"two have come", two,
			[]guard.Decision{yes("alice", 1), yes("bob", 2), yes("carol", 3)},
			4, guard.Approved,
			[]string{"alice", "bob"},
			[]guard.Answer{guard.Accepted, guard.Accepted, guard.Late},
		},
		{
			"one no beats a yes that waits for another", two,
			[]guard.Decision{yes("alice", 1), no("alice", 2), yes("bob", 3)},
			4, guard.Denied,
			[]string{"alice"},
			[]guard.Answer{guard.Accepted, guard.Accepted, guard.Late},
		},
		{
			"one of two in time is a no", two,
			[]guard.Decision{yes("alice", 1)},
			5, guard.TimedOut,
			[]string{"alice"},
			[]guard.Answer{guard.Accepted},
		},
		{
			"not for oneself",
			guard.Rule{RequestedBy: []string{"U1", "alice@example.com"}},
			[]guard.Decision{yes("slack:U1", 1), yes("oidc-alice", 1, "alice@example.com"), yes("slack:U2", 2)},
			3, guard.Approved,
			[]string{"slack:U2"},
			[]guard.Answer{guard.Self, guard.Self, guard.Accepted},
		},
		{
			"but one may withdraw",
			guard.Rule{RequestedBy: []string{"slack:U1"}},
			[]guard.Decision{no("slack:U1", 1)},
			2, guard.Denied,
			[]string{"slack:U1"},
			[]guard.Answer{guard.Accepted},
		},
		{
			"for oneself where it is allowed",
			guard.Rule{RequestedBy: []string{"slack:U1"}, AllowSelfApproval: true},
			[]guard.Decision{yes("slack:U1", 1)},
			2, guard.Approved,
			[]string{"slack:U1"},
			[]guard.Answer{guard.Accepted},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := guard.Decide(test.rule, guard.Wait{Digest: "d", Until: until}, test.decisions, asked.Add(time.Duration(test.now)*time.Minute))
			assert.Equal(t, test.outcome, v.Outcome)
			assert.Equal(t, test.by, v.By)
			if test.answers == nil {
				assert.Empty(t, v.Answers)
			} else {
				assert.Equal(t, test.answers, v.Answers)
			}
			assert.Equal(t, v.Outcome == guard.Undecided, v.DecidedAt.IsZero())
			// Whatever comes after a decision changes nothing.
			if v.Outcome == guard.Approved || v.Outcome == guard.Denied {
				later := append(test.decisions, yes("zoe", 4), no("zoe", 4)) //nolint:gocritic // another list
				again := guard.Decide(test.rule, guard.Wait{Digest: "d", Until: until}, later, asked.Add(time.Hour))
				assert.Equal(t, v.Outcome, again.Outcome)
				assert.Equal(t, v.DecidedAt, again.DecidedAt)
			}
		})
	}
}

func TestWhoIsWho(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allowed, user, alias string
		want                 bool
	}{
		{"U1", "slack:U1", "", true},
		{"slack:U1", "slack:U1", "", true},
		{"Slack:U1", "slack:U1", "", true},
		{"slack:U1", "telegram:U1", "", false},
		{"slack:U1", "U1", "", true},
		{"@alice", "alice", "", true},
		{" alice ", "alice", "", true},
		{"Alice@Example.com", "slack:U1", "alice@example.com", true},
		{"alice", "Alice", "", false},
		{"u1", "slack:U1", "", false},
		{"alice", "system:serviceaccount:ns:alice", "", false},
		{"alice", "", "", false},
		{"alice@example.com", "alice", "", false},
		{"slack:", "slack:", "", true},
		{"slack:", "slack:U1", "", false},
	} {
		d := yes(test.user, 1)
		if test.alias != "" {
			d.Aliases = []string{test.alias}
		}
		v := guard.Decide(guard.Rule{AllowedUsers: []string{test.allowed}}, guard.Wait{Digest: "d"}, []guard.Decision{d}, asked.Add(time.Minute))
		assert.Equal(t, test.want, v.Outcome == guard.Approved, "%q decides for %q", test.user, test.allowed)
	}
}

func TestAnswersAreShortTexts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range []guard.Answer{guard.Accepted, guard.Foreign, guard.Self, guard.Late, guard.Repeated, guard.Other, "?"} {
		text := a.Text()
		assert.False(t, seen[text], "each has its own")
		seen[text] = true
		assert.Less(t, len(text), 150)
	}
}
