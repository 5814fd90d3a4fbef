// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"fmt"
	"strings"
)

// Vote is one answer in a Decide.
type Vote struct {
	// Agent is who answered.
	Agent string
	// Text is the answer.
	Text string
	// Choice is what is voted for; empty is the text.
	Choice string
	// Weight counts for Weighted; 0 counts nothing.
	Weight float64
}

// Decision is what a fleet's answers come to.
type Decision struct {
	// Response is the answer of the fleet.
	Response string `json:"response"`
	// Confidence is the share of the answers (with Weighted: of the weight)
	// that agree with it, 0 to 1.
	Confidence float64 `json:"confidence"`
	// Votes is how many answers the decision rests on.
	Votes int `json:"votes"`
	// RequiresReview says that the consensus asked for was not reached, or
	// that only a human may give it: Response is then a proposal.
	RequiresReview bool `json:"requires_review"`
	// Winner is the agent whose answer Response is, "" when it is several's.
	Winner string `json:"winner,omitempty"`
}

// Finish turns the answers into the fleet's decision. It fails when an answer
// is missing that the mode can't do without; call it when Next has no more asks.
func (f *Fleet) Finish(s State) (Decision, error) {
	t := f.tally(s)
	if len(f.Next(s)) > 0 {
		return Decision{}, fmt.Errorf("fleet %q: not all agents have been asked", bounded(f.spec.Name))
	}
	d, err := t.finish()
	if err != nil {
		return Decision{}, fmt.Errorf("fleet %q: %w", bounded(f.spec.Name), err)
	}
	return d, nil
}

func (t tally) finish() (Decision, error) {
	switch t.spec.Coordination.Mode {
	case Hierarchical:
		return t.finishHierarchical()
	case Pipeline:
		return t.finishPipeline()
	case Swarm:
		return t.single(t.chosen(), 1)
	default:
		return t.finishPeer()
	}
}

// single makes one ask's answer the decision.
func (t tally) single(ask Ask, votes int) (Decision, error) {
	a := t.answers[ask.ID]
	if a.Failed != "" {
		return Decision{}, fmt.Errorf("agent %q: %s", bounded(ask.Agent), cut(a.Failed, 1<<10))
	}
	return Decision{Response: a.Text, Confidence: 1, Votes: votes, Winner: ask.Agent}, nil
}

func (t tally) finishHierarchical() (Decision, error) {
	plan := t.managerAsk(stepPlan)
	if planned := t.answers[plan.ID]; planned.Failed != "" {
		return t.single(plan, 0) // its error
	}
	results, ok := t.results(t.work(t.answers[plan.ID]))
	if !ok {
		return Decision{}, errNoAnswer
	}
	votes := 0
	for _, r := range results {
		if r["error"] == "" {
			votes++
		}
	}
	return t.single(t.managerAsk(stepSynthesis), votes)
}

func (t tally) finishPipeline() (Decision, error) {
	stages := t.stages()
	for i, stage := range stages {
		d, err := t.single(stage, len(stages))
		if err != nil || i == len(stages)-1 {
			return d, err
		}
	}
	return Decision{}, errNoAnswer
}

func (t tally) finishPeer() (Decision, error) {
	c := t.spec.Coordination
	votes := t.votes()
	switch {
	case len(votes) == 0:
		return Decision{}, errNoAnswer
	case c.Aggregation == Merge:
		return merge(votes), nil
	case c.Distribution == Sequential && c.Consensus.Algorithm == "":
		// Each one had the answer before it in hand: the last speaks for all.
		last := votes[len(votes)-1]
		return Decision{Response: last.Text, Confidence: 1, Votes: len(votes), Winner: last.Agent}, nil
	}
	return Decide(votes, c.Consensus)
}

// votes lists the answers that count, in the order of the definition.
func (t tally) votes() []Vote {
	var votes []Vote
	for _, ask := range t.instances(nil) {
		a := t.answers[ask.ID]
		if a == nil || a.Failed != "" {
			continue
		}
		votes = append(votes, Vote{Agent: ask.Agent, Text: a.Text, Choice: choice(a.Fields), Weight: t.weight(ask.Agent)})
	}
	return votes
}

func (t tally) weight(agent string) float64 {
	if w, ok := t.spec.Coordination.Consensus.Weights[agent]; ok {
		return w
	}
	for _, m := range t.spec.Members {
		if m.Name == agent && m.Weight > 0 {
			return m.Weight
		}
	}
	return 1
}

// choice is the field that a member votes with.
func choice(fields map[string]any) string {
	switch v := fields["decision"].(type) {
	case string:
		return v
	case bool, float64:
		return fmt.Sprint(v)
	}
	return ""
}

func merge(votes []Vote) Decision {
	results := make([]map[string]string, 0, len(votes))
	for _, v := range votes {
		results = append(results, map[string]string{"agent": v.Agent, "response": v.Text})
	}
	return Decision{Response: object("results", results, "agent_count", len(votes)), Confidence: 1, Votes: len(votes)}
}

// group is the votes that say the same.
type group struct {
	first  int // index of the first vote
	count  int
	weight float64
}

// Decide finds what votes, in the members' order, come to. Votes are equal when
// their choices, or without choices their texts, are equal but for case and
// surrounding space. Of equally strong groups the one with the earliest vote
// wins.
//
// When the consensus is not reached, the first vote is proposed with
// RequiresReview set and the strongest group's share as Confidence: free text
// seldom comes out equal, and an answer to review is worth more than an error.
// The error is for no votes or an unknown algorithm.
func Decide(votes []Vote, c Consensus) (Decision, error) {
	if len(votes) == 0 {
		return Decision{}, errNoAnswer
	}
	groups, total := groupVotes(votes)
	best := strongest(groups, func(g group) float64 { return float64(g.count) })
	share := float64(best.count) / float64(len(votes))
	var reached bool
	switch c.Algorithm {
	case First, FirstWins:
		best, share, reached = groups[0], 1, true
	case "", Majority:
		need := len(votes)/2 + 1
		if c.MinVotes > 0 {
			need = c.MinVotes
		}
		reached = best.count >= need
	case Unanimous:
		reached = len(groups) == 1 && len(votes) >= c.MinVotes
	case Weighted:
		best = strongest(groups, func(g group) float64 { return g.weight })
		share = 0
		if total > 0 {
			share = best.weight / total
		}
		need := c.MinConfidence
		if need == 0 {
			need = 0.5
		}
		reached = share >= need
	case HumanReview:
		w := votes[best.first]
		return Decision{Response: w.Text, Confidence: share, Votes: len(votes), RequiresReview: true, Winner: w.Agent}, nil
	default:
		return Decision{}, errors.New("unknown consensus algorithm")
	}
	if !reached {
		best = groups[0]
	}
	w := votes[best.first]
	return Decision{Response: w.Text, Confidence: share, Votes: len(votes), RequiresReview: !reached, Winner: w.Agent}, nil
}

// groupVotes sorts votes into groups in the order of their first vote.
func groupVotes(votes []Vote) (groups []group, total float64) {
	index := map[string]int{}
	for i, v := range votes {
		key := v.Choice
		if key == "" {
			key = v.Text
		}
		key = strings.ToLower(strings.TrimSpace(key))
		at, ok := index[key]
		if !ok {
			at = len(groups)
			index[key] = at
			groups = append(groups, group{first: i})
		}
		groups[at].count++
		groups[at].weight += v.Weight
		total += v.Weight
	}
	return groups, total
}

// strongest returns the first of the groups with the highest strength.
func strongest(groups []group, strength func(group) float64) group {
	best := groups[0]
	for _, g := range groups[1:] {
		if strength(g) > strength(best) {
			best = g
		}
	}
	return best
}
