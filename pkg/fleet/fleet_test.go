// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"aof.dev/operator/pkg/fleet"
)

func members(names ...string) []fleet.Member {
	var ms []fleet.Member
	for _, n := range names {
		ms = append(ms, fleet.Member{Name: n})
	}
	return ms
}

func newFleet(t *testing.T, ms []fleet.Member, c fleet.Coordination) *fleet.Fleet {
	t.Helper()
	f, err := fleet.New(fleet.Spec{Name: "team", Members: ms, Coordination: c})
	require.NoError(t, err)
	return f
}

// run drives a fleet to its end, answering each ask, and returns the rounds.
func run(f *fleet.Fleet, input string, answer func(fleet.Ask) fleet.Answer) (rounds [][]fleet.Ask, s fleet.State) {
	s = fleet.State{Input: input}
	for len(rounds) < 1000 {
		due := f.Next(s)
		if len(due) == 0 {
			return rounds, s
		}
		rounds = append(rounds, due)
		for _, ask := range due {
			a := answer(ask)
			a.Ask = ask.ID
			s.Answers = append(s.Answers, a)
		}
	}
	panic("a fleet that never ends")
}

func says(text string) func(fleet.Ask) fleet.Answer {
	return func(fleet.Ask) fleet.Answer { return fleet.Answer{Text: text} }
}

func ids(rounds [][]fleet.Ask) [][]string {
	var out [][]string
	for _, round := range rounds {
		var r []string
		for _, a := range round {
			r = append(r, a.ID)
		}
		out = append(out, r)
	}
	return out
}

func TestPeerAsksAllAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t, []fleet.Member{{Name: "a", Replicas: 2}, {Name: "b"}}, fleet.Coordination{Distribution: fleet.RoundRobin})
	rounds, s := run(f, "why", says("Because. "))
	assert.Equal(t, [][]string{{"work/a/0", "work/a/1", "work/b/0"}}, ids(rounds))
	assert.Equal(t, "why", rounds[0][2].Input)
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.Equal(t, fleet.Decision{Response: "Because. ", Confidence: 1, Votes: 3, Winner: "a"}, d)
}

func TestSequentialPeersSeeTheAnswerBefore(t *testing.T) {
	t.Parallel()
	f := newFleet(t, members("a", "b", "c"), fleet.Coordination{Distribution: fleet.Sequential})
	rounds, s := run(f, "why", func(a fleet.Ask) fleet.Answer {
		if a.Agent == "b" {
			return fleet.Answer{Failed: "down"}
		}
		return fleet.Answer{Text: "<" + a.Agent + ">"}
	})
	assert.Equal(t, [][]string{{"work/a/0"}, {"work/b/0"}, {"work/c/0"}}, ids(rounds))
	assert.JSONEq(t, `{"input":"why","previous_agent":"a","previous_output":"<a>"}`, rounds[2][0].Input)
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.Equal(t, fleet.Decision{Response: "<c>", Confidence: 1, Votes: 2, Winner: "c"}, d)
}

func TestMergeGivesAllAnswers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, members("a", "b"), fleet.Coordination{Aggregation: fleet.Merge})
	_, s := run(f, "why", says("x"))
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"results":[{"agent":"a","response":"x"},{"agent":"b","response":"x"}],"agent_count":2}`, d.Response)
}

func TestPipelineHandsOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, []fleet.Member{{Name: "a", Replicas: 3}, {Name: "b"}}, fleet.Coordination{Mode: fleet.Pipeline})
	rounds, s := run(f, "why", func(a fleet.Ask) fleet.Answer { return fleet.Answer{Text: "by " + a.Agent} })
	assert.Equal(t, [][]string{{"work/a/0"}, {"work/b/0"}}, ids(rounds))
	assert.JSONEq(t, `{"previous_stage":"a","input":"why","output":"by a"}`, rounds[1][0].Input)
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.Equal(t, fleet.Decision{Response: "by b", Confidence: 1, Votes: 2, Winner: "b"}, d)

	rounds, s = run(f, "why", func(fleet.Ask) fleet.Answer { return fleet.Answer{Failed: "no model"} })
	assert.Len(t, rounds, 1, "a stage that failed ends the pipeline")
	_, err = f.Finish(s)
	require.ErrorContains(t, err, `fleet "team": agent "a": no model`)
}

func TestSwarmAsksOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t, members("a", "b", "c"), fleet.Coordination{Mode: fleet.Swarm})
	asked := map[string]bool{}
	for _, input := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		rounds, s := run(f, input, says("x"))
		require.Len(t, rounds, 1)
		require.Len(t, rounds[0], 1)
		asked[rounds[0][0].Agent] = true
		_, err := f.Finish(s)
		require.NoError(t, err)
	}
	assert.Len(t, asked, 3, "the work is spread")
}

func manager(plan map[string]any) func(fleet.Ask) fleet.Answer {
	return func(a fleet.Ask) fleet.Answer {
		switch {
		case strings.HasPrefix(a.ID, "plan/"):
			return fleet.Answer{Text: "the plan", Fields: plan}
		case strings.HasPrefix(a.ID, "synthesis/"):
			return fleet.Answer{Text: "all in all"}
		case a.Agent == "w2":
			return fleet.Answer{Failed: "down"}
		}
		return fleet.Answer{Text: "found"}
	}
}

func TestHierarchicalPlansWorksSynthesises(t *testing.T) {
	t.Parallel()
	ms := []fleet.Member{{Name: "m", Role: "manager"}, {Name: "w1", Role: "worker"}, {Name: "w2"}}
	f := newFleet(t, ms, fleet.Coordination{Mode: fleet.Hierarchical})
	rounds, s := run(f, "why", manager(nil))
	assert.Equal(t, [][]string{{"plan/m/0"}, {"work/w1/0", "work/w2/0"}, {"synthesis/m/0"}}, ids(rounds))
	assert.Contains(t, rounds[0][0].Input, `"agents":[{"name":"w1","role":"worker"},{"name":"w2","role":""}]`)
	assert.JSONEq(t, `{"step":"work","input":"why","plan":"the plan"}`, rounds[1][0].Input)
	assert.Contains(t, rounds[2][0].Input, `"results":[{"agent":"w1","output":"found"},{"agent":"w2","error":"down"}]`)
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.Equal(t, fleet.Decision{Response: "all in all", Confidence: 1, Votes: 1, Winner: "m"}, d)
}

func TestHierarchicalFollowsThePlan(t *testing.T) {
	t.Parallel()
	f := newFleet(t, members("m", "w1", "w2"), fleet.Coordination{Mode: fleet.Hierarchical, Manager: "m"})
	task := func(agent, what string) any { return map[string]any{"agent": agent, "task": what} }
	rounds, _ := run(f, "why", manager(map[string]any{"tasks": []any{task("w1", "look"), task("w1", "listen"), task("m", "cheat"), task("x", "y"), "z"}}))
	assert.Equal(t, [][]string{{"plan/m/0"}, {"work/w1/0"}, {"synthesis/m/0"}}, ids(rounds))
	assert.JSONEq(t, `{"step":"work","input":"why","task":"look\nlisten"}`, rounds[1][0].Input)

	rounds, s := run(f, "why", manager(map[string]any{"tasks": []any{task("w2", "look")}}))
	assert.Equal(t, [][]string{{"plan/m/0"}, {"work/w2/0"}}, ids(rounds), "nobody answered")
	_, err := f.Finish(s)
	require.ErrorContains(t, err, "no agent gave an answer")

	_, s = run(f, "why", func(fleet.Ask) fleet.Answer { return fleet.Answer{Failed: "no model"} })
	_, err = f.Finish(s)
	require.ErrorContains(t, err, `agent "m": no model`)
}

func TestFinishWantsTheEnd(t *testing.T) {
	t.Parallel()
	f := newFleet(t, members("a"), fleet.Coordination{})
	_, err := f.Finish(fleet.State{Input: "why"})
	require.ErrorContains(t, err, "not all agents have been asked")
}

func TestDecide(t *testing.T) {
	t.Parallel()
	votes := func(texts ...string) []fleet.Vote {
		var vs []fleet.Vote
		for i, s := range texts {
			vs = append(vs, fleet.Vote{Agent: string(rune('a' + i)), Text: s, Weight: 1})
		}
		return vs
	}
	heavy := votes("x", "y", "y")
	heavy[0].Weight = 3
	byChoice := votes("long text", "another", "third")
	byChoice[1].Choice, byChoice[2].Choice = "rollback", "Rollback "
	for name, tc := range map[string]struct {
		votes []fleet.Vote
		c     fleet.Consensus
		want  fleet.Decision
	}{
		"majority":                   {votes("x", "Y", " y\n"), fleet.Consensus{}, fleet.Decision{Response: "Y", Confidence: 2.0 / 3, Votes: 3, Winner: "b"}},
		"majority by a field":        {byChoice, fleet.Consensus{Algorithm: "majority"}, fleet.Decision{Response: "another", Confidence: 2.0 / 3, Votes: 3, Winner: "b"}},
		"free text does not group":   {votes("x", "y", "z"), fleet.Consensus{}, fleet.Decision{Response: "x", Confidence: 1.0 / 3, Votes: 3, RequiresReview: true, Winner: "a"}},
		"a half is no majority":      {votes("x", "y"), fleet.Consensus{}, fleet.Decision{Response: "x", Confidence: 0.5, Votes: 2, RequiresReview: true, Winner: "a"}},
		"unless it is enough":        {votes("x", "y", "y", "z"), fleet.Consensus{MinVotes: 2}, fleet.Decision{Response: "y", Confidence: 0.5, Votes: 4, Winner: "b"}},
		"of equal groups the first":  {votes("x", "y", "y", "x"), fleet.Consensus{MinVotes: 2}, fleet.Decision{Response: "x", Confidence: 0.5, Votes: 4, Winner: "a"}},
		"unanimous":                  {votes("x", "X"), fleet.Consensus{Algorithm: "unanimous"}, fleet.Decision{Response: "x", Confidence: 1, Votes: 2, Winner: "a"}},
		"not unanimous":              {votes("x", "y", "y"), fleet.Consensus{Algorithm: "unanimous"}, fleet.Decision{Response: "x", Confidence: 2.0 / 3, Votes: 3, RequiresReview: true, Winner: "a"}},
		"first":                      {votes("x", "y", "y"), fleet.Consensus{Algorithm: "first_wins"}, fleet.Decision{Response: "x", Confidence: 1, Votes: 3, Winner: "a"}},
		"weighted":                   {heavy, fleet.Consensus{Algorithm: "weighted"}, fleet.Decision{Response: "x", Confidence: 0.6, Votes: 3, Winner: "a"}},
		"weighted below its bar":     {heavy, fleet.Consensus{Algorithm: "weighted", MinConfidence: 0.7}, fleet.Decision{Response: "x", Confidence: 0.6, Votes: 3, RequiresReview: true, Winner: "a"}},
		"weighted with no weight":    {[]fleet.Vote{{Agent: "a", Text: "x"}}, fleet.Consensus{Algorithm: "weighted"}, fleet.Decision{Response: "x", Votes: 1, RequiresReview: true, Winner: "a"}},
		"a human decides on the top": {votes("x", "y", "y"), fleet.Consensus{Algorithm: "human_review"}, fleet.Decision{Response: "y", Confidence: 2.0 / 3, Votes: 3, RequiresReview: true, Winner: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fleet.Decide(tc.votes, tc.c)
			require.NoError(t, err)
			assert.InDelta(t, tc.want.Confidence, got.Confidence, 1e-9)
			got.Confidence = tc.want.Confidence
			assert.Equal(t, tc.want, got)
		})
	}
	_, err := fleet.Decide(nil, fleet.Consensus{})
	require.Error(t, err)
	_, err = fleet.Decide(votes("x"), fleet.Consensus{Algorithm: "coin"})
	require.Error(t, err)
}

func TestWeightsComeFromConsensusThenMember(t *testing.T) {
	t.Parallel()
	ms := []fleet.Member{{Name: "a", Weight: 9}, {Name: "b", Weight: 2}, {Name: "c"}}
	f := newFleet(t, ms, fleet.Coordination{Consensus: fleet.Consensus{Algorithm: fleet.Weighted, Weights: map[string]float64{"a": 0}}})
	_, s := run(f, "why", func(a fleet.Ask) fleet.Answer {
		return fleet.Answer{Text: a.Agent, Fields: map[string]any{"decision": a.Agent == "b"}}
	})
	d, err := f.Finish(s)
	require.NoError(t, err)
	assert.Equal(t, "b", d.Winner, "b 2, c 1, a nothing")
	assert.InDelta(t, 2.0/3, d.Confidence, 1e-9)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	two := members("a", "b")
	for name, tc := range map[string]struct {
		members []fleet.Member
		c       fleet.Coordination
		says    string
	}{
		"nobody":              {nil, fleet.Coordination{}, "agents: at least one"},
		"no name":             {members(""), fleet.Coordination{}, "agents[0].name"},
		"twice":               {members("a", "a"), fleet.Coordination{}, "agents[1].name"},
		"crowd":               {[]fleet.Member{{Name: "a", Replicas: math.MaxInt}, {Name: "b", Replicas: math.MaxInt}}, fleet.Coordination{}, "more than 64"},
		"negative replicas":   {[]fleet.Member{{Name: "a", Replicas: -1}}, fleet.Coordination{}, "agents[0].replicas"},
		"weight":              {[]fleet.Member{{Name: "a", Weight: math.NaN()}}, fleet.Coordination{}, "agents[0].weight"},
		"mode":                {two, fleet.Coordination{Mode: "anarchy"}, `coordination.mode: "anarchy"`},
		"distribution":        {two, fleet.Coordination{Distribution: "magic"}, "coordination.distribution"},
		"aggregation":         {two, fleet.Coordination{Aggregation: "blend"}, "coordination.aggregation"},
		"algorithm":           {two, fleet.Coordination{Consensus: fleet.Consensus{Algorithm: "coin"}}, "coordination.consensus"},
		"min votes":           {two, fleet.Coordination{Consensus: fleet.Consensus{MinVotes: -1}}, "min_votes"},
		"min confidence":      {two, fleet.Coordination{Consensus: fleet.Consensus{MinConfidence: math.NaN()}}, "min_confidence"},
		"weights of nobody":   {two, fleet.Coordination{Consensus: fleet.Consensus{Weights: map[string]float64{"x": 1}}}, "weights[x]"},
		"manager is nobody":   {two, fleet.Coordination{Manager: "x"}, "coordination.manager"},
		"no manager":          {two, fleet.Coordination{Mode: fleet.Hierarchical}, "coordination.manager"},
		"manager alone":       {members("a"), fleet.Coordination{Mode: fleet.Hierarchical, Manager: "a"}, "needs a worker"},
		"cloned manager":      {[]fleet.Member{{Name: "a", Replicas: 2}, {Name: "b"}}, fleet.Coordination{Mode: fleet.Hierarchical, Manager: "a"}, "only one manager"},
		"negative weights":    {two, fleet.Coordination{Consensus: fleet.Consensus{Weights: map[string]float64{"a": -1}}}, "weights[a]"},
		"bounded error names": {two, fleet.Coordination{Mode: fleet.Mode(strings.Repeat("x", 9999))}, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fleet.New(fleet.Spec{Name: "team", Members: tc.members, Coordination: tc.c})
			require.ErrorContains(t, err, tc.says)
			assert.Less(t, len(err.Error()), 400)
		})
	}
	for _, c := range []fleet.Coordination{{Mode: fleet.Tiered}, {Mode: fleet.Deep}, {Aggregation: fleet.ManagerSynthesis}, {Mode: fleet.Swarm, Aggregation: fleet.Merge}} {
		_, err := fleet.New(fleet.Spec{Members: two, Coordination: c})
		require.ErrorIs(t, err, fleet.ErrUnsupported)
	}
}

// Whatever the order in which answers come in, and through JSON at every step,
// a fleet asks each instance at most once per step, ends, and decides the same.
func TestOrderOfAnswersDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}(/[a-z])?`), 2, 5, rapid.ID).Draw(t, "names")
		f, err := fleet.New(fleet.Spec{Members: members(names...), Coordination: fleet.Coordination{
			Mode:         rapid.SampledFrom([]fleet.Mode{fleet.Peer, fleet.Hierarchical, fleet.Pipeline, fleet.Swarm}).Draw(t, "mode"),
			Distribution: rapid.SampledFrom(fleet.Distributions()).Draw(t, "distribution"),
			Manager:      names[0],
			Consensus:    fleet.Consensus{Algorithm: rapid.SampledFrom(fleet.Algorithms()).Draw(t, "algorithm")},
		}})
		if err != nil {
			t.Fatal(err)
		}
		answers := rapid.SliceOfN(rapid.SampledFrom([]fleet.Answer{{Text: "x"}, {Text: "y"}, {Failed: "down"}}), 16, 16).Draw(t, "answers")
		answer := func(a fleet.Ask) fleet.Answer {
			got := answers[(len(a.ID)+int(a.ID[len(a.ID)-3]))%len(answers)]
			got.Ask = a.ID
			return got
		}
		_, straight := run(f, "why", answer)
		want, wantErr := f.Finish(straight)

		s := fleet.State{Input: "why"}
		seen := map[string]bool{}
		for due := f.Next(s); len(due) > 0; due = f.Next(s) {
			one := due[rapid.IntRange(0, len(due)-1).Draw(t, "which")]
			if seen[one.ID] {
				t.Fatalf("%s was asked twice", one.ID)
			}
			seen[one.ID] = true
			s.Answers = slices.Insert(s.Answers, rapid.IntRange(0, len(s.Answers)).Draw(t, "at"), answer(one))
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			s = fleet.State{}
			if err := json.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
		}
		got, gotErr := f.Finish(s)
		if got != want || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("got %+v, %v; in another order %+v, %v", got, gotErr, want, wantErr)
		}
	})
}

func FuzzNext(f *testing.F) {
	f.Add("why", "plan/m/0", "text")
	f.Add("", "work/w/0", "")
	f.Add("\x00", "//", "\xff")
	f.Fuzz(func(t *testing.T, input, ask, text string) {
		for _, mode := range []fleet.Mode{fleet.Peer, fleet.Hierarchical, fleet.Pipeline, fleet.Swarm} {
			fl := newFleet(t, members("m", "w"), fleet.Coordination{Mode: mode, Manager: "m"})
			s := fleet.State{Input: input, Answers: []fleet.Answer{{Ask: ask, Text: text}}}
			for _, a := range fl.Next(s) {
				if strings.HasPrefix(a.Input, `{"step"`) && !json.Valid([]byte(a.Input)) {
					t.Errorf("ask %s is no JSON: %q", a.ID, a.Input)
				}
			}
			_, _ = fl.Finish(s)
		}
	})
}
