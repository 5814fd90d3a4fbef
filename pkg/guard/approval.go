// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"strings"
	"time"
)

// Rule says whose decision counts, and how many are needed.
type Rule struct {
	// AllowedUsers may decide: by id, user name, e-mail address or platform:id.
	// Nobody listed means anybody.
	AllowedUsers []string
	// MinApprovers is how many different people must agree; at least one.
	MinApprovers int
	// AllowSelfApproval lets the person who asked agree, too.
	AllowSelfApproval bool
	// RequestedBy are the names of the person who asked.
	RequestedBy []string
	// ApproveOnTimeout makes silence a yes.
	ApproveOnTimeout bool
}

// Wait is what is to be decided.
type Wait struct {
	// Digest of what people were shown. Decisions about anything else don't count.
	Digest string
	// Until is when deciding is over; zero means never.
	Until time.Time
}

// Decision is what one person said.
type Decision struct {
	Digest string
	// User is who: an authenticated name, or platform:id.
	User string
	// Aliases are other names of the same person.
	Aliases  []string
	Approved bool
	At       time.Time
	Comment  string
}

// Outcome is how an approval stands.
type Outcome string

// The outcomes.
const (
	Undecided Outcome = "waiting"
	Approved  Outcome = "approved"
	Denied    Outcome = "denied"
	TimedOut  Outcome = "timeout"
)

// Answer is what a person is told about the own decision.
type Answer string

// The answers.
const (
	// Accepted: it counts.
	Accepted Answer = "accepted"
	// Foreign: the person is not among those who may decide.
	Foreign Answer = "foreign"
	// Self: one may not approve what one asked for.
	Self Answer = "self"
	// Late: it was over or decided already.
	Late Answer = "late"
	// Repeated: the person had said so before.
	Repeated Answer = "repeated"
	// Other: it is about something that is not asked, or no longer.
	Other Answer = "other"
)

// Text is the answer in words.
func (a Answer) Text() string {
	switch a {
	case Accepted:
		return "Your decision counts."
	case Foreign:
		return "You are not among those who may decide this; nothing has changed."
	case Self:
		return "You asked for this yourself, so somebody else has to approve it."
	case Late:
		return "This was decided or had timed out before; your decision changes nothing."
	case Repeated:
		return "You have approved this already; others have to, too."
	case Other:
		return "This is about something that is not asked any more; look at what the run waits for now."
	default:
		return "The decision can't be told."
	}
}

// Verdict is the outcome and how it came about.
type Verdict struct {
	Outcome Outcome
	// By are those whose approval counts so far, or who denied, in the order they
	// decided.
	By []string
	// DecidedAt is when the outcome was reached.
	DecidedAt time.Time
	// Comment is what the last of them said.
	Comment string
	// Missing is how many approvals are needed still.
	Missing int
	// Answers are for the decisions, one each.
	Answers []Answer
}

// Decide says how an approval stands at a time. Decisions count in their order.
// One person who may decide is enough for a no; a yes needs as many different
// people as the rule says. What was decided stays decided.
func Decide(rule Rule, wait Wait, decisions []Decision, now time.Time) Verdict {
	needed := max(1, rule.MinApprovers)
	v := Verdict{Outcome: Undecided, Missing: needed, Answers: make([]Answer, len(decisions))}
	var yes []Decision
	for i := range decisions {
		d := decisions[i]
		if d.At.IsZero() {
			d.At = now
		}
		answer := rule.judge(wait, d, yes, v.Outcome)
		v.Answers[i] = answer
		if answer != Accepted {
			continue
		}
		v.Comment = d.Comment
		if !d.Approved {
			v.Outcome, v.By, v.DecidedAt = Denied, []string{d.User}, d.At
			continue
		}
		yes = append(yes, d)
		v.By = append(v.By, d.User)
		if v.Missing = needed - len(yes); v.Missing <= 0 {
			v.Outcome, v.DecidedAt, v.Missing = Approved, d.At, 0
		}
	}
	if v.Outcome == Undecided && wait.over(now) {
		v.Outcome, v.DecidedAt = TimedOut, wait.Until
	}
	return v
}

// judge answers one decision; before are the approvals that count already.
func (r Rule) judge(wait Wait, d Decision, before []Decision, outcome Outcome) Answer {
	who := d.names()
	switch {
	case d.Digest != wait.Digest || wait.Digest == "":
		return Other
	case outcome != Undecided, !wait.Until.IsZero() && !d.At.Before(wait.Until):
		return Late
	case !r.allows(who):
		return Foreign
	case !d.Approved:
		return Accepted // a no is always welcome, the asker's own, too
	case !r.AllowSelfApproval && overlap(who, r.RequestedBy):
		return Self
	}
	for i := range before {
		if overlap(who, before[i].names()) {
			return Repeated
		}
	}
	return Accepted
}

func (w Wait) over(now time.Time) bool { return !w.Until.IsZero() && !now.Before(w.Until) }

func (r Rule) allows(who []string) bool {
	allowed := trimmed(r.AllowedUsers)
	return len(allowed) == 0 || overlap(who, allowed)
}

func (d Decision) names() []string { return trimmed(append([]string{d.User}, d.Aliases...)) }

func trimmed(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.TrimPrefix(strings.TrimSpace(name), "@"); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// overlap says whether two lists of names have a person in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(trimmed(b), func(y string) bool { return same(x, y) })
	})
}

// same says whether two names are one person's. A name without a platform fits
// the id of any; e-mail addresses don't tell capitals apart.
func same(a, b string) bool {
	pa, ia := platform(a)
	pb, ib := platform(b)
	if pa != "" && pb != "" && pa != pb {
		return false
	}
	if strings.Contains(ia, "@") {
		return strings.EqualFold(ia, ib)
	}
	return ia == ib
}

// platform splits a name as platform:id. Only the names of chat platforms count
// as one: a service account's name has colons, too.
func platform(name string) (prefix, id string) {
	prefix, id, found := strings.Cut(name, ":")
	switch strings.ToLower(prefix) {
	case "slack", "discord", "telegram", "whatsapp", "teams", "github", "gitlab", "jira", "http", "webhook", "cloudevent", "local":
		if found && id != "" {
			return strings.ToLower(prefix), id
		}
	}
	return "", name
}
