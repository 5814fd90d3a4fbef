// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

// Condition is a parsed boolean expression over references, for example
//
//	${scan.output.passed} == true AND severity in ["high", "critical"]
//
// See ParseCondition for the language. A Condition is immutable and safe for concurrent use.
type Condition struct{}

// ParseCondition reads and compiles a condition; everything that is wrong with it is a *SyntaxError
// here. Operands are ${path} references, bare paths (validate.exit_code, all_passed, a-b.c), strings
// in single or double quotes (which may hold references), numbers, true, false, null and lists in
// brackets. Operators are == != < <= > >= =~ !~ in, contains, AND OR NOT in any case, && || ! and
// parentheses. NOT applies to the whole comparison after it, ! to the operand after it.
//
// Comparison coerces: a number in a text compares as a number with numbers ("90" >= 80) and true
// equals "true". What is missing is null; null equals only null, so that x == false is false for a
// missing x, and orders against nothing. =~ searches an RE2 pattern in the text of its left side.
// A value standing alone counts by Truthy.
func ParseCondition(string) (*Condition, error) { return nil, errNotImplemented }

// Refs lists the paths that the condition names, in the order of their first appearance, each once.
func (c *Condition) Refs() []Path { return nil }

// Eval decides the condition. It errs only for what can't be known when parsing: a pattern that
// comes from a value and is no RE2, or a text too large.
func (c *Condition) Eval(Resolver) (bool, error) { return false, errNotImplemented }
