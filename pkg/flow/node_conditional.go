// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/expr"
)

// Fields of what a Conditional comes to. Beside them stands, for each named
// case, whether it holds.
const (
	fieldConditionResult = "condition_result"
	fieldResult          = "result"
	fieldCase            = "case"
	fieldValue           = "value"
)

// defaultCase is chosen when no other case is.
const defaultCase = "default"

// choice is a compiled Conditional in one of its forms: a condition; named
// conditions, of which the first that holds is chosen; or a value that selects
// the case of the same text.
type choice struct {
	cond      *expr.Condition
	selector  *expr.Template
	reference expr.Path // selector without ${}
	cases     []choiceCase
	fallback  bool // there is a default case
	targets   []target
}

// choiceCase is a case; cond is nil when a selector chooses by name.
type choiceCase struct {
	name string
	cond *expr.Condition
}

// target is a node that a case leads to.
type target struct{ choice, node, path string }

// evaluate gives the output of the node.
func (ch *choice) evaluate(r expr.Resolver) (map[string]any, error) {
	if ch.cond != nil {
		result, err := ch.cond.Eval(r)
		if err != nil {
			return nil, fmt.Errorf("condition: %w", err)
		}
		return map[string]any{fieldConditionResult: result, fieldResult: result}, nil
	}
	out := make(map[string]any, len(ch.cases)+4)
	holds, err := ch.holds(r, out)
	if err != nil {
		return nil, err
	}
	chosen := ""
	for i, c := range ch.cases {
		if holds(i) && chosen == "" {
			chosen = c.name
		}
	}
	for i, c := range ch.cases {
		out[c.name] = holds(i)
	}
	if chosen == "" && ch.fallback {
		chosen = defaultCase
	}
	out[fieldCase] = chosen
	out[fieldResult] = chosen != ""
	out[fieldConditionResult] = chosen != ""
	return out, nil
}

// holds evaluates the cases; a selector leaves its value in out.
func (ch *choice) holds(r expr.Resolver, out map[string]any) (func(int) bool, error) {
	if ch.selector == nil && ch.reference == nil {
		results := make([]bool, len(ch.cases))
		for i, c := range ch.cases {
			ok, err := c.cond.Eval(r)
			if err != nil {
				return nil, fmt.Errorf("case %s: %w", quote(c.name), err)
			}
			results[i] = ok
		}
		return func(i int) bool { return results[i] }, nil
	}
	var value any
	if ch.selector != nil {
		v, err := ch.selector.Value(r)
		if err != nil {
			return nil, fmt.Errorf("expression: %w", err)
		}
		value = v
	} else {
		value, _ = r.Resolve(ch.reference)
	}
	text := strings.TrimSpace(expr.Text(value))
	out[fieldValue] = text
	return func(i int) bool { return ch.cases[i].name == text }, nil
}

// chosenCase returns what a Conditional chose: the name of the case, or its
// result as text when it has no named cases.
func chosenCase(output any) string {
	fields, _ := output.(map[string]any)
	if name, ok := fields[fieldCase].(string); ok {
		return name
	}
	return expr.Text(fields[fieldResult])
}

// choose compiles the configuration of a Conditional.
func (c *compiler) choose(i int32) {
	s, ch := c.config[i], &choice{}
	c.choices[i] = ch
	var forms []string
	for _, form := range []string{"condition", "conditions", "expression", "routes"} {
		if s.has(form) {
			forms = append(forms, form)
		}
	}
	switch {
	case len(forms) == 0:
		c.report(s.path, ReasonMissing, "a Conditional needs a condition, conditions, an expression or routes")
		return
	case len(forms) > 1:
		c.report(s.at(forms[1]), ReasonInvalid, fmt.Sprintf("%s and %s exclude each other: keep one", forms[0], forms[1]))
		return
	}
	switch form := forms[0]; {
	case form == "conditions" || form == "routes":
		c.namedCases(i, ch, form)
	case form == "expression" && s.has("cases"):
		c.selectedCases(i, ch)
	default:
		ch.cond = c.condition(expr.Text(s.values[form]), s.at(form), nodeOwner(i))
		c.aim(ch, "true", s.values["true_target"], s.at("true_target"))
		c.aim(ch, "false", s.values["false_target"], s.at("false_target"))
	}
	for _, key := range []string{defaultCase, "default_target"} {
		if s.has(key) {
			ch.fallback = true
			c.aim(ch, defaultCase, s.values[key], s.at(key))
		}
	}
}

// namedCases reads a list of {name, expression, target}.
func (c *compiler) namedCases(i int32, ch *choice, form string) {
	path := c.config[i].at(form)
	list, ok := c.config[i].values[form].([]any)
	if !ok {
		c.report(path, ReasonInvalid, "must be a list of {name, expression}")
		return
	}
	for n, v := range list {
		at := path + "[" + strconv.Itoa(n) + "]"
		entry, ok := v.(map[string]any)
		if !ok {
			c.report(at, ReasonInvalid, "must be a map {name, expression}")
			continue
		}
		name, _ := first(entry, "name", "case")
		if name == nil {
			name = strconv.Itoa(n)
		}
		src, key := first(entry, "expression", "condition", "when")
		if src == nil {
			c.report(at, ReasonMissing, "a case needs an expression")
			continue
		}
		cond := c.condition(expr.Text(src), at+"."+key, nodeOwner(i))
		c.addCase(ch, choiceCase{name: expr.Text(name), cond: cond}, at)
		to, key := first(entry, "target", "to", "node")
		c.aim(ch, expr.Text(name), to, at+"."+key)
	}
}

// selectedCases reads expression with cases: a map from value to target, or a
// list of {value, target}.
func (c *compiler) selectedCases(i int32, ch *choice) {
	s := c.config[i]
	src := strings.TrimSpace(expr.Text(s.values["expression"]))
	if ref, err := expr.ParsePath(src); err == nil {
		ch.reference = ref
		c.note([]expr.Path{ref}, s.at("expression"), nodeOwner(i))
	} else {
		ch.selector = c.template(src, s.at("expression"), nodeOwner(i))
	}
	path := s.at("cases")
	switch cases := s.values["cases"].(type) {
	case map[string]any:
		for _, name := range sortedKeys(cases) {
			c.selectedCase(ch, name, cases[name], path+"."+name)
		}
	case []any:
		for n, v := range cases {
			at := path + "[" + strconv.Itoa(n) + "]"
			entry, _ := v.(map[string]any)
			name, _ := first(entry, "value", "case", "name", "when")
			if name == nil {
				c.report(at, ReasonMissing, "a case needs a value")
				continue
			}
			to, key := first(entry, "target", "to", "node")
			c.selectedCase(ch, expr.Text(name), to, at+"."+key)
		}
	default:
		c.report(path, ReasonInvalid, "must be a map from value to node, or a list of {value, target}")
	}
}

func (c *compiler) selectedCase(ch *choice, name string, to any, path string) {
	if entry, ok := to.(map[string]any); ok {
		to, _ = first(entry, "target", "to", "node")
	}
	if name == defaultCase {
		ch.fallback = true
	} else {
		c.addCase(ch, choiceCase{name: name}, path)
	}
	c.aim(ch, name, to, path)
}

// addCase refuses names that stand for something else.
func (c *compiler) addCase(ch *choice, add choiceCase, path string) {
	switch add.name {
	case "", fieldConditionResult, fieldResult, fieldCase, fieldValue, defaultCase:
		c.report(path, ReasonInvalid, quote(add.name)+" can't be the name of a case here")
		return
	}
	for _, have := range ch.cases {
		if have.name == add.name {
			c.report(path, ReasonDuplicateKey, "there is a case "+quote(add.name)+" already")
			return
		}
	}
	ch.cases = append(ch.cases, add)
}

// aim notes the node, or the nodes, that a case leads to.
func (c *compiler) aim(ch *choice, name string, to any, path string) {
	switch t := to.(type) {
	case nil:
	case string:
		ch.targets = append(ch.targets, target{choice: name, node: t, path: path})
	case []any:
		for n, v := range t {
			node, _ := v.(string)
			ch.targets = append(ch.targets, target{choice: name, node: node, path: path + "[" + strconv.Itoa(n) + "]"})
		}
	default:
		c.report(path, ReasonInvalid, "must be the id of a node")
	}
}

// first returns the first of the keys that is set, and which it is.
func first(m map[string]any, keys ...string) (value any, key string) {
	for _, key := range keys {
		if v := m[key]; v != nil {
			return v, key
		}
	}
	return nil, keys[0]
}
