// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

const (
	// maxConditionNodes bounds the parts (operands and operators) of a condition.
	maxConditionNodes = 2048
	// conditionMemory bounds what the evaluation of one condition may build, counted in list elements.
	conditionMemory = 1 << 16
)

// Condition is a parsed boolean expression over references, for example
//
//	${scan.output.passed} == true AND severity in ["high", "critical"]
//
// See ParseCondition for the language. A Condition is immutable and safe for concurrent use.
type Condition struct {
	program *vm.Program
	// operands are what must be looked up before the program runs, in the order of their variables.
	operands []operand
}

// operand is a value that an evaluation begins with: one reference, or a string with references in it.
type operand struct {
	ref  *reference
	text *Template
}

func (o operand) value(r Resolver) (any, error) {
	if o.text != nil {
		return o.text.Render(r)
	}
	return o.ref.value(r)
}

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
func ParseCondition(src string) (*Condition, error) {
	if len(src) > MaxSource {
		return nil, syntaxErrorf(MaxSource, "the condition is longer than %d KiB", MaxSource>>10)
	}
	lexer := conditionLexer{src: src}
	if err := lexer.run(); err != nil {
		return nil, err
	}
	dialect := dialect{constants: lexer.constants, offsets: map[*ast.ConstantNode]int{}}
	program, err := expr.Compile(lexer.emitted(), append(operators(),
		expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.AsAny(),
		expr.DisableAllBuiltins(), expr.DisableIfOperator(), expr.MaxNodes(maxConditionNodes), expr.Patch(&dialect))...)
	switch {
	case dialect.err != nil:
		return nil, dialect.err
	case err != nil && strings.Contains(err.Error(), "maximum allowed nodes"):
		return nil, syntaxErrorf(0, "the condition has more than %d parts", maxConditionNodes)
	case err != nil:
		return nil, syntaxErrorf(0, "the condition does not parse: %s", excerpt(firstLine(err.Error())))
	}
	return &Condition{program: program, operands: lexer.operands}, nil
}

// Refs lists the paths that the condition names, in the order of their first appearance, each once.
func (c *Condition) Refs() []Path {
	var refs pathList
	for _, o := range c.operands {
		if o.text != nil {
			refs.addTemplate(o.text)
		} else {
			refs.addReference(o.ref)
		}
	}
	return refs.paths
}

// Eval decides the condition. It errs only for what can't be known when parsing: a pattern that
// comes from a value and is no RE2, or a text too large.
func (c *Condition) Eval(r Resolver) (bool, error) {
	env := make(map[string]any, len(c.operands))
	for i, o := range c.operands {
		v, err := o.value(r)
		if err != nil {
			return false, fmt.Errorf("evaluate condition: %w", err)
		}
		env[operandName(i)] = v
	}
	machine := vm.VM{MemoryBudget: conditionMemory}
	out, err := machine.Run(c.program, env)
	if err != nil {
		var pattern *patternError
		if errors.As(err, &pattern) {
			return false, fmt.Errorf("evaluate condition: %w", pattern)
		}
		return false, fmt.Errorf("evaluate condition: %s", excerpt(firstLine(err.Error())))
	}
	return Truthy(out), nil
}

func operandName(i int) string  { return "ref" + strconv.Itoa(i) }
func constantName(i int) string { return "const" + strconv.Itoa(i) }
