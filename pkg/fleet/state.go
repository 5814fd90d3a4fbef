// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
)

// maxShared bounds how much of earlier answers one ask repeats, in bytes; the
// answers share it equally.
const maxShared = 512 << 10

// errNoAnswer ends a fleet of which nobody answered.
var errNoAnswer = errors.New("no agent gave an answer")

// State is how far a fleet has come with one input. It is JSON all through.
type State struct {
	// Input is what the fleet was asked.
	Input string `json:"input"`
	// Answers are those that have come in, in any order.
	Answers []Answer `json:"answers,omitempty"`
}

// Ask is one question to one instance of a member.
type Ask struct {
	// ID names the ask within the fleet's run.
	ID string `json:"id"`
	// Agent is the member's name, Instance counts its replicas from 0.
	Agent    string `json:"agent"`
	Instance int    `json:"instance"`
	// Input is the question. When it has more than one part it is a JSON object.
	Input string `json:"input"`
}

// Answer is what came of an Ask.
type Answer struct {
	// Ask is the Ask's ID.
	Ask string `json:"ask"`
	// Text is the answer.
	Text string `json:"text,omitempty"`
	// Fields are the fields that the text gives, if any. "decision" is what a
	// member votes for (without it, the text), "tasks" is a manager's plan.
	Fields map[string]any `json:"fields,omitempty"`
	// Failed says why there is no answer; the text then doesn't count.
	Failed string `json:"failed,omitempty"`
}

// The steps of an ask's ID and of the JSON that a manager and workers get.
const (
	stepPlan      = "plan"
	stepWork      = "work"
	stepSynthesis = "synthesis"
)

// planRequest tells a manager how to answer.
const planRequest = `Decide which agents do what. Answer with JSON only: {"tasks": [{"agent": "<name>", "task": "<what to do>"}]}. Agents that you leave out are not asked.`

// synthesisRequest tells a manager what to do with the results.
const synthesisRequest = "Put the agents' results together into one answer to the input."

// Next returns the asks that are due: all that can run now and are not
// answered. None are due when the fleet is done, which it also is when it can't
// go on; Finish tells which.
func (f *Fleet) Next(s State) []Ask {
	t := f.tally(s)
	switch f.spec.Coordination.Mode {
	case Hierarchical:
		return t.hierarchical()
	case Pipeline:
		return t.pipeline()
	case Swarm:
		return t.open([]Ask{t.chosen()})
	default:
		return t.spread(t.instances(nil), t.peerInput)
	}
}

// tally is a fleet and a state with its answers by ask.
type tally struct {
	*Fleet
	input   string
	answers map[string]*Answer
}

func (f *Fleet) tally(s State) tally {
	t := tally{Fleet: f, input: s.Input, answers: make(map[string]*Answer, len(s.Answers))}
	for i := range s.Answers {
		if a := &s.Answers[i]; t.answers[a.Ask] == nil { // the first answer stays
			t.answers[a.Ask] = a
		}
	}
	return t
}

// instances lists one ask to work per instance of each member that include takes, all
// of them when include is nil. Their input is to be filled in.
func (t tally) instances(include func(i int) bool) []Ask {
	var asks []Ask
	for i, m := range t.spec.Members {
		if include != nil && !include(i) {
			continue
		}
		for n := range m.Replicas {
			asks = append(asks, Ask{ID: fmt.Sprintf("%s/%s/%d", stepWork, m.Name, n), Agent: m.Name, Instance: n})
		}
	}
	return asks
}

// open keeps the asks without an answer.
func (t tally) open(asks []Ask) []Ask {
	var due []Ask
	for _, a := range asks {
		if t.answers[a.ID] == nil {
			due = append(due, a)
		}
	}
	return due
}

// spread makes asks due all at once, or one after the other with the answer
// before it, as the distribution says.
func (t tally) spread(asks []Ask, input func(previous *Answer) string) []Ask {
	if t.spec.Coordination.Distribution != Sequential {
		for i := range asks {
			asks[i].Input = input(nil)
		}
		return t.open(asks)
	}
	var previous *Answer
	for _, ask := range asks {
		a := t.answers[ask.ID]
		if a == nil {
			ask.Input = input(previous)
			return []Ask{ask}
		}
		if a.Failed == "" {
			previous = a
		}
	}
	return nil
}

func (t tally) peerInput(previous *Answer) string {
	if previous == nil {
		return t.input
	}
	return object("input", t.input, "previous_agent", agentOf(previous.Ask), "previous_output", cut(previous.Text, maxShared))
}

// chosen is swarm's one ask.
func (t tally) chosen() Ask {
	asks := t.instances(nil)
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.input)) // never fails
	ask := asks[h.Sum64()%uint64(len(asks))]
	ask.Input = t.input
	return ask
}

// stages are the asks of a pipeline: one per member, whatever its replicas.
func (t tally) stages() []Ask {
	var asks []Ask
	for _, ask := range t.instances(nil) {
		if ask.Instance == 0 {
			asks = append(asks, ask)
		}
	}
	return asks
}

func (t tally) pipeline() []Ask {
	input := t.input
	for _, ask := range t.stages() {
		a := t.answers[ask.ID]
		if a == nil {
			ask.Input = input
			return []Ask{ask}
		}
		if a.Failed != "" {
			return nil
		}
		input = object("previous_stage", ask.Agent, "input", t.input, "output", cut(a.Text, maxShared))
	}
	return nil
}

func (t tally) managerAsk(step string) Ask {
	name := t.spec.Members[t.manager].Name
	return Ask{ID: fmt.Sprintf("%s/%s/0", step, name), Agent: name}
}

func (t tally) hierarchical() []Ask {
	plan := t.managerAsk(stepPlan)
	planned := t.answers[plan.ID]
	if planned == nil {
		plan.Input = object("step", stepPlan, "input", t.input, "agents", t.workers(), "request", planRequest)
		return []Ask{plan}
	}
	if planned.Failed != "" {
		return nil
	}
	work := t.work(planned)
	if due := t.spreadWork(work, planned); len(due) > 0 {
		return due
	}
	results, ok := t.results(work)
	if !ok {
		return nil
	}
	synthesis := t.managerAsk(stepSynthesis)
	synthesis.Input = object("step", stepSynthesis, "input", t.input, "results", results, "request", synthesisRequest)
	return t.open([]Ask{synthesis})
}

// work lists the asks to workers: those that the plan names, or all of them
// when it names none.
func (t tally) work(planned *Answer) []Ask {
	tasks := tasksOf(planned)
	asks := t.instances(func(i int) bool { return i != t.manager && tasks[t.spec.Members[i].Name] != "" })
	if len(asks) == 0 {
		asks = t.instances(func(i int) bool { return i != t.manager })
	}
	return asks
}

// spreadWork fills in what each worker is told.
func (t tally) spreadWork(asks []Ask, planned *Answer) []Ask {
	tasks := tasksOf(planned)
	due := t.spread(asks, func(previous *Answer) string {
		if previous == nil {
			return ""
		}
		return cut(previous.Text, maxShared/2)
	})
	for i := range due {
		parts := []any{"step", stepWork, "input", t.input}
		if task := tasks[due[i].Agent]; task != "" {
			parts = append(parts, "task", cut(task, maxShared/2))
		} else {
			parts = append(parts, "plan", cut(planned.Text, maxShared/2))
		}
		if due[i].Input != "" {
			parts = append(parts, "previous_output", due[i].Input)
		}
		due[i].Input = object(parts...)
	}
	return due
}

// workers describes the members that a manager may give tasks to.
func (t tally) workers() []map[string]string {
	var ws []map[string]string
	for i, m := range t.spec.Members {
		if i != t.manager {
			ws = append(ws, map[string]string{"name": m.Name, "role": m.Role})
		}
	}
	return ws
}

// results lists what workers answered; ok is false when none did.
func (t tally) results(work []Ask) (results []map[string]string, ok bool) {
	for _, ask := range work {
		a := t.answers[ask.ID]
		if a == nil {
			continue
		}
		if a.Failed != "" {
			results = append(results, map[string]string{"agent": ask.Agent, "error": cut(a.Failed, 1<<10)})
			continue
		}
		ok = true
		results = append(results, map[string]string{"agent": ask.Agent, "output": cut(a.Text, maxShared/len(work))})
	}
	return results, ok
}

// tasksOf reads a manager's plan: what each agent is to do.
func tasksOf(planned *Answer) map[string]string {
	tasks := map[string]string{}
	entries, _ := planned.Fields["tasks"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		agent, _ := entry["agent"].(string)
		task, _ := entry["task"].(string)
		if agent == "" || task == "" {
			continue
		}
		if before := tasks[agent]; before != "" {
			task = before + "\n" + task
		}
		tasks[agent] = task
	}
	return tasks
}

// agentOf takes the agent's name out of an ask's ID.
func agentOf(id string) string {
	id = id[strings.Index(id, "/")+1:]
	if i := strings.LastIndex(id, "/"); i >= 0 {
		return id[:i]
	}
	return id
}

// object renders key, value, key, value as a JSON object in that order.
func object(parts ...any) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range parts {
		if i > 0 {
			b.WriteByte(",:"[i%2])
		}
		b.WriteString(compact(p))
	}
	b.WriteByte('}')
	return b.String()
}

func compact(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return `""` // not reached: strings, and maps and slices of them
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// cut bounds s and says so in it.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + " […cut]"
}
