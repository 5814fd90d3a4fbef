// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"strconv"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// guardName is the command that stands before each statement whose expansion
// could be large, or that goes to the background. It is not a name a script
// would have; called by one, it does nothing.
const guardName = "aof:guard"

// maxBraces is how many words one word may become by brace expansion.
const maxBraces = 10000

// program is a script made ready to run.
type program struct {
	file     *syntax.File
	costs    []cost
	exported map[string]bool // named in export statements
}

// maxNumber is the most bytes a number takes.
const maxNumber = 20

// cost says from what the size of a statement's expansion follows.
type cost struct {
	literal int
	refs    []ref
	params  bool // refers to the positional parameters
	assigns bool
	job     bool
}

// ref is one reference to a variable.
type ref struct {
	name string
	all  bool  // any variable may be meant, as in ${!x}
	with *cost // the replacement of ${x//a/b}

	length bool // only its length counts, as in ${#x}
}

// instrument checks a script and puts guards into it. The interpreter has no
// hook before an expansion or a bare assignment: x=$x$x in a loop would take
// all memory, in one goroutine that nobody can stop.
func instrument(file *syntax.File) (*program, error) {
	p := &program{file: file, exported: map[string]bool{}}
	var refused *Error
	syntax.Walk(file, func(node syntax.Node) bool {
		if refused != nil {
			return false
		}
		refused = p.visit(node)
		return refused == nil
	})
	if refused != nil {
		return nil, refused
	}
	// Inner lists first: a guard put in is not to be guarded itself.
	var lists []*[]*syntax.Stmt
	var singles []**syntax.Stmt
	syntax.Walk(file, func(node syntax.Node) bool {
		l, s := statements(node)
		lists, singles = append(lists, l...), append(singles, s...)
		return true
	})
	for _, list := range lists {
		*list = p.guardList(*list)
	}
	for _, single := range singles {
		if guarded := p.guardList([]*syntax.Stmt{*single}); len(guarded) > 1 {
			*single = &syntax.Stmt{Position: (*single).Position, Cmd: &syntax.Block{Stmts: guarded}}
		}
	}
	return p, nil
}

// visit refuses what cannot be run within bounds, and notes exports.
func (p *program) visit(node syntax.Node) *Error {
	if err := checkPanics(node); err != nil {
		return err
	}
	switch n := node.(type) {
	case *syntax.ProcSubst:
		return newError(ReasonSyntax, nil, "script: line %d: process substitution is refused", n.Pos().Line())
	case *syntax.CoprocClause:
		return newError(ReasonSyntax, nil, "script: line %d: coproc is refused", n.Pos().Line())
	case *syntax.Word:
		return checkBraces(n)
	case *syntax.CallExpr:
		if len(n.Args) > 0 {
			switch name := n.Args[0].Lit(); name {
			case "eval", "source", ".":
				return newError(ReasonSyntax, nil, "script: line %d: %s is refused", n.Pos().Line(), name)
			}
		}
	case *syntax.DeclClause:
		for _, as := range n.Args {
			if as.Name != nil {
				p.exported[as.Name.Value] = true
			}
		}
	}
	return nil
}

// checkBraces refuses {1..1000000000} and its like.
func checkBraces(word *syntax.Word) *Error {
	split := *word
	if !syntax.SplitBraces(&split) {
		return nil
	}
	if braces(split.Parts) > maxBraces {
		return newError(ReasonLimit, nil, "script: line %d: braces expand to more than %d words", word.Pos().Line(), maxBraces)
	}
	return nil
}

// braces is how many words parts become, maxBraces+1 when it is more.
func braces(parts []syntax.WordPart) int {
	total := 1
	for _, part := range parts {
		b, ok := part.(*syntax.BraceExp)
		if !ok {
			continue
		}
		n := 0
		if b.Sequence {
			n = sequence(b.Elems)
		} else {
			for _, elem := range b.Elems {
				n += braces(elem.Parts)
			}
		}
		total = min(total*max(n, 1), maxBraces+1)
	}
	return total
}

func sequence(elems []*syntax.Word) int {
	if len(elems) < 2 {
		return 1
	}
	from, err1 := strconv.ParseInt(elems[0].Lit(), 10, 32)
	to, err2 := strconv.ParseInt(elems[1].Lit(), 10, 32)
	if err1 != nil || err2 != nil {
		if len(elems[0].Lit()) == 1 && len(elems[1].Lit()) == 1 {
			return 256
		}
		return maxBraces + 1
	}
	return int(min(max(from-to, to-from)+1, maxBraces+1))
}

// statements gives the places below node itself where statements stand.
func statements(node syntax.Node) (lists []*[]*syntax.Stmt, singles []**syntax.Stmt) {
	switch n := node.(type) {
	case *syntax.File:
		lists = append(lists, &n.Stmts)
	case *syntax.Block:
		lists = append(lists, &n.Stmts)
	case *syntax.Subshell:
		lists = append(lists, &n.Stmts)
	case *syntax.CmdSubst:
		lists = append(lists, &n.Stmts)
	case *syntax.IfClause:
		lists = append(lists, &n.Cond, &n.Then)
	case *syntax.WhileClause:
		lists = append(lists, &n.Cond, &n.Do)
	case *syntax.ForClause:
		lists = append(lists, &n.Do)
	case *syntax.CaseItem:
		lists = append(lists, &n.Stmts)
	case *syntax.FuncDecl:
		singles = append(singles, &n.Body)
	case *syntax.TimeClause:
		if n.Stmt != nil {
			singles = append(singles, &n.Stmt)
		}
	case *syntax.BinaryCmd:
		singles = append(singles, &n.X, &n.Y)
	}
	return lists, singles
}

// guardList puts a guard before each statement that needs one.
func (p *program) guardList(stmts []*syntax.Stmt) []*syntax.Stmt {
	out := make([]*syntax.Stmt, 0, len(stmts))
	for _, stmt := range stmts {
		if stmt.Cmd != nil || stmt.Background { // not $(<file), which has to stand alone
			if c := costOf(stmt); len(c.refs) > 0 || c.params || c.assigns || c.job {
				out = append(out, p.guard(stmt, c))
			}
		}
		out = append(out, stmt)
	}
	return out
}

// guard makes the statement "guard && guard". The guard's status is the one of
// the statement before it, and && keeps set -e and traps from minding that.
func (p *program) guard(stmt *syntax.Stmt, c cost) *syntax.Stmt {
	word := func(parts ...syntax.WordPart) *syntax.Word { return &syntax.Word{Parts: parts} }
	lit := func(s string) *syntax.Lit {
		return &syntax.Lit{ValuePos: stmt.Position, ValueEnd: stmt.Position, Value: s}
	}
	args := []*syntax.Word{word(lit(guardName)), word(lit(strconv.Itoa(len(p.costs))))}
	if c.params {
		args = append(args, word(&syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: lit("@")}}}))
	}
	p.costs = append(p.costs, c)
	call := func(args ...*syntax.Word) *syntax.Stmt {
		return &syntax.Stmt{Position: stmt.Position, Cmd: &syntax.CallExpr{Args: args}}
	}
	return &syntax.Stmt{Position: stmt.Position, Cmd: &syntax.BinaryCmd{
		OpPos: stmt.Position, Op: syntax.AndStmt, X: call(args...), Y: call(word(lit(guardName))),
	}}
}

// costOf reads a statement without those nested in it.
func costOf(stmt *syntax.Stmt) cost {
	c := cost{job: stmt.Background || stmt.Disown}
	c.add(stmt, stmt)
	return c
}

func (c *cost) add(root, node syntax.Node) {
	syntax.Walk(node, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			return n == root
		case *syntax.Lit:
			c.literal += len(n.Value)
		case *syntax.SglQuoted:
			c.literal += len(n.Value)
		case *syntax.Assign:
			c.assigns = c.assigns || !n.Naked
			if n.Append || n.Index != nil {
				c.refs = append(c.refs, ref{name: n.Name.Value})
			}
		case *syntax.ParamExp:
			c.param(n)
		}
		return true
	})
}

func (c *cost) param(n *syntax.ParamExp) {
	if n.Param == nil {
		return
	}
	r := ref{name: n.Param.Value, all: n.Excl, length: n.Length}
	if n.Repl != nil && n.Repl.With != nil {
		r.with = &cost{}
		r.with.add(nil, n.Repl.With)
		c.params = c.params || r.with.params
	}
	if !syntax.ValidName(r.name) {
		c.params = true
	}
	c.refs = append(c.refs, r)
}

// guard holds the statement that comes next to its limits.
func (r *run) guard(hc interp.HandlerContext, args []string) error {
	if len(args) == 0 {
		return nil
	}
	id, err := strconv.Atoi(args[0])
	if err != nil || id < 0 || id >= len(r.prog.costs) {
		return nil //nolint:nilerr // a script called it by its name
	}
	c := &r.prog.costs[id]
	params := 0
	for _, arg := range args[1:] {
		params += len(arg) + 1
	}
	for _, ref := range c.refs {
		if syntax.ValidName(ref.name) && isLost(hc.Env, hc.Env.Get(ref.name)) {
			return r.fail(newError(ReasonDenied, nil, "script: line %d: a name reference leads to no name", hc.Pos.Line()))
		}
	}
	limits := &r.policy.Limits
	if n := c.size(hc.Env, params, limits.Statement); n > limits.Statement {
		return r.fail(newError(ReasonLimit, nil, "script: line %d: expands to more than %d bytes", hc.Pos.Line(), limits.Statement))
	}
	r.mu.Lock()
	if c.job {
		r.jobs++
	}
	jobs := r.jobs
	if c.assigns {
		r.guards++
	}
	look := c.assigns && r.guards%16 == 0
	r.mu.Unlock()
	if jobs > limits.Jobs {
		return r.fail(newError(ReasonLimit, nil, "script: more than %d background jobs", limits.Jobs))
	}
	if look && sizeOfAll(hc.Env, limits.Variables) > limits.Variables {
		return r.fail(newError(ReasonLimit, nil, "script: variables hold more than %d bytes", limits.Variables))
	}
	return r.checkDepth()
}

// size is the most a statement's own words can expand to; it stops counting
// beyond limit.
func (c *cost) size(env expand.Environ, params, limit int) int {
	total := c.literal
	for _, ref := range c.refs {
		var n int
		switch {
		case ref.length:
			n = maxNumber
		case ref.all:
			n = sizeOfAll(env, limit)
		case syntax.ValidName(ref.name):
			v := env.Get(ref.name)
			if _, to := v.Resolve(env); v.Kind == expand.NameRef {
				v = to
			}
			n = sizeOf(v)
		default:
			n = paramSize(ref.name, params)
		}
		if ref.with != nil {
			n += (n + 1) * ref.with.size(env, params, limit)
		}
		if total += n; total > limit {
			break
		}
	}
	return total
}

// paramSize is the size of $1, $@ and their like.
func paramSize(name string, params int) int {
	switch name {
	case "?", "#", "$", "!", "-", "0":
		return 16
	}
	return params
}

func sizeOf(v expand.Variable) int {
	n := len(v.Str)
	for _, s := range v.List {
		n += len(s) + 16
	}
	for k, s := range v.Map {
		n += len(k) + len(s) + 32
	}
	return n
}

func sizeOfAll(env expand.Environ, limit int) int {
	total := 0
	for name, v := range env.Each {
		if total += len(name) + sizeOf(v); total > limit {
			break
		}
	}
	return total
}
