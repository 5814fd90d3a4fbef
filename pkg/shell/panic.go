// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strconv"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// The interpreter panics on some constructs, mostly where the name of a
// variable turns out empty. In a pipeline or a background job that would end
// the whole process, as nobody can recover it there. So they are refused while
// the script is read where they can be told then, and defused before they run
// where an empty value makes them.

// checkPanics refuses constructs that would panic, or would with some values.
func checkPanics(node syntax.Node) *Error {
	switch n := node.(type) {
	case *syntax.UnaryTest:
		if n.Op == syntax.TsVarSet || n.Op == syntax.TsRefVar {
			if word, ok := n.X.(*syntax.Word); !ok || word.Lit() == "" {
				return newError(ReasonSyntax, nil, "script: line %d: [[ %s ]] takes the name of a variable as it is written, no expansion", n.Pos().Line(), n.Op)
			}
		}
	case *syntax.BinaryArithm:
		switch n.Op { //nolint:exhaustive // the others assign nothing
		case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
			syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
			return checkTarget(n.X)
		}
	case *syntax.UnaryArithm:
		if n.Op == syntax.Inc || n.Op == syntax.Dec {
			return checkTarget(n.X)
		}
	}
	return nil
}

// checkTarget allows arithmetic to assign to plain variables only.
func checkTarget(target syntax.ArithmExpr) *Error {
	if word, ok := target.(*syntax.Word); ok && word.Lit() != "" {
		return nil
	}
	return newError(ReasonSyntax, nil, "script: line %d: arithmetic can assign to a plain variable only: write a[i]=$((…)) instead", target.Pos().Line())
}

// isLost says that a name reference leads to no name: reading it would panic.
func isLost(env expand.Environ, v expand.Variable) bool {
	if v.Kind != expand.NameRef {
		return false
	}
	name, _ := v.Resolve(env)
	return name == ""
}

// checkOperands looks at the operands of builtins that panic on some. It gives
// the arguments to go on with, or what is wrong with them.
func checkOperands(args []string) (safe []string, wrong string) {
	at := 0
	for at+1 < len(args) && (args[at] == "command" || args[at] == "builtin" || args[at] == "--") {
		at++
	}
	name, operands := args[at], args[at+1:]
	switch name {
	case "shift":
		for _, operand := range operands {
			if n, err := strconv.Atoi(operand); err == nil && n < 0 {
				return nil, "shift: count out of range"
			}
		}
	case "unset":
		for _, operand := range operands {
			if operand == "" {
				return nil, "unset: a name is empty"
			}
		}
	case "[", "test":
		for i := 1; i < len(operands); i++ {
			if operands[i] == "" && (operands[i-1] == "-v" || operands[i-1] == "-R") {
				args = slices.Clone(args)
				args[at+1+i] = neverSet
			}
		}
	}
	return args, ""
}

// neverSet is the name of a variable that no script has.
const neverSet = "AOF_NEVER_SET"
