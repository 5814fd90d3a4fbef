// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// The reasons of a Loop's own errors.
const (
	// ReasonIterations: there is more to go through than the Loop may.
	ReasonIterations = "TooManyIterations"
	// ReasonWaits: what a Loop repeats would have to wait.
	ReasonWaits = "LoopWaits"
)

// loopExecutor repeats one node for each item, or while a condition holds.
type loopExecutor struct{ executors Executors }

var variableName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// round is a Loop under way.
type round struct {
	body    flow.Node
	req     Request
	as      string
	while   *expr.Condition
	items   []any
	forEach bool
	most    int

	results []any
	last    any
	exports map[string]string
	usage   flow.Usage
}

// Execute implements Executor. The rounds follow one another; the first that
// fails ends the Loop.
func (e *loopExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	r, err := newRound(req)
	if err != nil {
		return Result{}, err
	}
	executor := e.executors[r.body.Kind]
	if executor == nil {
		return Result{}, fail(ReasonUnsupported, "nodes of type %s can't be executed here", r.body.Kind)
	}
	exhausted := false
	for i := 0; ; i++ {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		more, err := r.more(i)
		if err != nil {
			return Result{Usage: r.usage}, err
		}
		if !more {
			break
		}
		if i == r.most {
			exhausted = true
			break
		}
		if err := r.one(ctx, executor, i); err != nil {
			return Result{Usage: r.usage}, err
		}
	}
	output := map[string]any{"iterations": len(r.results), "results": r.results, "output": r.last, "exhausted": exhausted}
	return Result{Output: output, Exports: r.exports, Usage: r.usage}, nil
}

func newRound(req Request) (*round, error) {
	body, ok := flow.LoopBody(req.Node)
	if !ok {
		return nil, fail(ReasonInvalidConfig, "node: a Loop needs the type and the config of what is repeated")
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	req.Gate = ungated(req.Gate)
	r := &round{body: body, req: req, most: flow.DefaultIterations, results: []any{}, exports: map[string]string{}}
	var err error
	if r.as, err = s.word("as"); err != nil {
		return nil, err
	}
	if r.as = orElse(r.as, "item"); !variableName.MatchString(r.as) {
		return nil, fail(ReasonInvalidConfig, "as: must be a name of letters, digits and _")
	}
	most, err := s.word("max_iterations")
	if err != nil {
		return nil, err
	}
	if most != "" {
		if r.most, err = strconv.Atoi(most); err != nil || r.most < 1 || r.most > flow.MaxIterations {
			return nil, fail(ReasonInvalidConfig, "max_iterations: must be a number from 1 to %d", flow.MaxIterations)
		}
	}
	if src, _ := s.values["while"].(string); strings.TrimSpace(src) != "" {
		if r.while, err = expr.ParseCondition(src); err != nil {
			return nil, templateError(err)
		}
	}
	if v, given := s.first("for_each", "items"); given {
		r.forEach = true
		filled, err := s.deep(v)
		if err != nil {
			return nil, at("for_each", err)
		}
		if r.items, err = itemsOf(filled); err != nil {
			return nil, err
		}
		// A list that is too long is refused before anything is done: half of the
		// work done would be worse than none.
		if len(r.items) > r.most {
			return nil, fail(ReasonIterations, "for_each: there are %d items, max_iterations is %d", len(r.items), r.most)
		}
	}
	if !r.forEach && r.while == nil {
		return nil, fail(ReasonInvalidConfig, "for_each or while is needed")
	}
	return r, nil
}

// itemsOf reads what to go through: a list, the entries of a map in the order of
// their keys, the numbers below a number, or a text that is a list in JSON.
func itemsOf(v any) ([]any, error) {
	switch t := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return t, nil
	case map[string]any:
		items := make([]any, 0, len(t))
		for _, key := range slices.Sorted(maps.Keys(t)) {
			items = append(items, map[string]any{"key": key, "value": t[key]})
		}
		return items, nil
	}
	text := strings.TrimSpace(expr.Text(v))
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= flow.MaxIterations {
		items := make([]any, n)
		for i := range items {
			items[i] = i
		}
		return items, nil
	}
	var items []any
	if text == "" || json.Unmarshal([]byte(text), &items) == nil {
		return items, nil
	}
	return nil, fail(ReasonInvalidConfig, "for_each: must be a list, a map or a number")
}

// more says whether there is another round.
func (r *round) more(i int) (bool, error) {
	if r.forEach && i >= len(r.items) {
		return false, nil
	}
	if r.while == nil {
		return true, nil
	}
	yes, err := r.while.Eval(r.scope(i))
	if err != nil {
		return false, at("while", templateError(err))
	}
	return yes, nil
}

// scope is what a round may name: its own variables before all others.
func (r *round) scope(i int) expr.Resolver {
	own := map[string]any{"index": i, "iteration": i + 1, "last": r.last}
	if r.forEach && i < len(r.items) {
		own[r.as] = r.items[i]
	}
	own["loop"] = maps.Clone(own)
	for name, value := range r.exports {
		if _, taken := own[name]; !taken {
			own[name] = value
		}
	}
	return expr.Chain(expr.Root(own), r.req.Scope)
}

// one executes the node once.
func (r *round) one(ctx context.Context, executor Executor, i int) error {
	req := r.req
	req.Node, req.Scope = r.body, r.scope(i)
	req.Env = make(map[string]string, len(r.req.Env)+len(r.exports))
	maps.Copy(req.Env, r.req.Env)
	maps.Copy(req.Env, r.exports)
	// In a script a bare name is a variable of the shell's.
	req.Env["index"], req.Env["iteration"] = strconv.Itoa(i), strconv.Itoa(i+1)
	if r.forEach {
		req.Env[r.as] = expr.Text(r.items[i])
	}
	res, err := executor.Execute(ctx, req)
	r.usage = r.usage.Add(res.Usage)
	switch {
	case err != nil:
		return at(fmt.Sprintf("round %d", i+1), err)
	case res.Wait != nil:
		return fail(ReasonWaits, "round %d: what a Loop repeats can't wait for people: put the approval before the Loop", i+1)
	}
	maps.Copy(r.exports, res.Exports)
	r.results, r.last = append(r.results, res.Output), res.Output
	return nil
}

// ungated keeps the gate from asking people about one round of many: it is
// closed to every action that needs them.
func ungated(gate Gate) Gate {
	if gate == nil {
		return nil
	}
	return func(a Action) (*flow.Wait, error) {
		wait, err := gate(a)
		if err == nil && wait != nil {
			err = fail(ReasonWaits, "what a Loop repeats needs an approval that it can't ask for")
		}
		return nil, err
	}
}
