// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// The functions that stand for the operators of the dialect.
const (
	callEqual    = "equal"
	callLess     = "less"
	callAtMost   = "atMost"
	callMatches  = "search"
	callIn       = "member"
	callContains = "holds"
	callTruthy   = "truthy"
)

// operators defines those functions.
func operators() []expr.Option {
	return []expr.Option{
		binary(callEqual, equal),
		binary(callLess, less),
		binary(callAtMost, atMost),
		binary(callIn, func(a, b any) bool { return contains(b, a) }),
		binary(callContains, contains),
		expr.Function(callMatches, func(p ...any) (any, error) { return search(p[0], p[1]) }, new(func(any, any) bool)),
		expr.Function(callTruthy, func(p ...any) (any, error) { return Truthy(p[0]), nil }, new(func(any) bool)),
	}
}

func binary(name string, f func(a, b any) bool) expr.Option {
	return expr.Function(name, func(p ...any) (any, error) { return f(p[0], p[1]), nil }, new(func(any, any) bool))
}

// dialect gives the parsed tree our meaning: literals in place of their variables, coercing
// comparisons in place of expr-lang's strict ones, and truth values wherever and, or, not need them.
type dialect struct {
	constants []constant
	// offsets tells where a literal stands in the source.
	offsets map[*ast.ConstantNode]int
	// err is the first pattern that is no RE2.
	err *SyntaxError
}

// Visit rewrites one node, whose children have been rewritten before.
func (d *dialect) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if digits, ok := strings.CutPrefix(n.Value, "const"); ok {
			if i, err := strconv.Atoi(digits); err == nil && i < len(d.constants) {
				literal := &ast.ConstantNode{Value: d.constants[i].value}
				d.offsets[literal] = d.constants[i].offset
				ast.Patch(node, literal)
			}
		}
	case *ast.UnaryNode:
		n.Node = asTruth(n.Node)
	case *ast.BinaryNode:
		d.binary(node, n)
	}
}

func (d *dialect) binary(node *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "and", "or":
		n.Left, n.Right = asTruth(n.Left), asTruth(n.Right)
	case "==":
		ast.Patch(node, call(callEqual, n.Left, n.Right))
	case "!=":
		ast.Patch(node, &ast.UnaryNode{Operator: "not", Node: call(callEqual, n.Left, n.Right)})
	case "<":
		ast.Patch(node, call(callLess, n.Left, n.Right))
	case ">":
		ast.Patch(node, call(callLess, n.Right, n.Left))
	case "<=":
		ast.Patch(node, call(callAtMost, n.Left, n.Right))
	case ">=":
		ast.Patch(node, call(callAtMost, n.Right, n.Left))
	case "in":
		ast.Patch(node, call(callIn, n.Left, n.Right))
	case "contains":
		ast.Patch(node, call(callContains, n.Left, n.Right))
	case "matches":
		ast.Patch(node, call(callMatches, n.Left, d.pattern(n.Right)))
	}
}

// pattern compiles a literal pattern once, when the condition is parsed.
func (d *dialect) pattern(n ast.Node) ast.Node {
	literal, ok := n.(*ast.ConstantNode)
	if !ok {
		return n
	}
	re, err := compilePattern(Text(literal.Value))
	if err != nil {
		if d.err == nil {
			d.err = syntaxErrorf(d.offsets[literal], "%v", err)
		}
		return n
	}
	return &ast.ConstantNode{Value: re}
}

func call(name string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

// asTruth makes a truth value of an operand that is not one already.
func asTruth(n ast.Node) ast.Node {
	switch t := n.(type) {
	case *ast.UnaryNode:
		return n
	case *ast.BinaryNode:
		if t.Operator == "and" || t.Operator == "or" {
			return n
		}
	case *ast.CallNode:
		return n // every function of the dialect returns one
	}
	return call(callTruthy, n)
}

// patternError says that a pattern which came from a value is no RE2.
type patternError struct{ err error }

func (e *patternError) Error() string { return e.err.Error() }
func (e *patternError) Unwrap() error { return e.err }

// search finds a pattern, compiled or as text, in the text of a value; in nothing it finds nothing.
func search(v, pattern any) (bool, error) {
	if isNull(v) || isNull(pattern) {
		return false, nil
	}
	re, ok := pattern.(*regexp.Regexp)
	if !ok {
		var err error
		if re, err = compilePattern(Text(pattern)); err != nil {
			return false, &patternError{err}
		}
	}
	return re.MatchString(Text(v)), nil
}
