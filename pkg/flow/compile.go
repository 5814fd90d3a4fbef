// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"aof.dev/operator/pkg/expr"
)

// maxIDBytes is the longest ID of a node.
const maxIDBytes = 128

// Compile checks a flow and prepares it for Step. The error is an Errors with
// everything that is wrong.
func Compile(f Flow) (*Plan, error) {
	c := &compiler{flow: f, handler: none}
	if !c.bounded() {
		return nil, c.errs
	}
	c.index = make(map[string]int32, len(f.Nodes))
	c.choices = make([]*choice, len(f.Nodes))
	c.config = make([]settings, len(f.Nodes))
	c.parts = make([]parts, len(f.Nodes))
	c.parsed = map[string]*expr.Condition{}
	c.policy(f.Defaults, "config")
	for i := range f.Nodes {
		c.node(int32(i))
	}
	l := linker{c: c}
	l.build()
	if len(l.links) > c.limits.Edges {
		c.report("connections", ReasonTooLarge, fmt.Sprintf("%d links between nodes, at most %d are allowed", len(l.links), c.limits.Edges))
	}
	if len(c.errs) > 0 {
		return nil, c.finish()
	}
	sorted := c.sort(l.links)
	if len(c.errs) > 0 {
		return nil, c.finish()
	}
	return c.plan(sorted, l.links), nil
}

// compiler collects what Compile finds. All slices go by the place of a node in
// Flow.Nodes.
type compiler struct {
	flow    Flow
	limits  Limits
	nodes   []sourceNode
	index   map[string]int32
	config  []settings
	choices []*choice // of Conditional nodes
	parts   []parts
	refs    []reference
	parsed  map[string]*expr.Condition // many edges say the same
	source  int                        // bytes of conditions and templates
	handler int32                      // the error handler, or none
	doubts  []Error
	errs    Errors
	dropped int
}

// sourceNode is a node with the user's path to it.
type sourceNode struct {
	Node
	path string
}

// parts are the compiled pieces of one node.
type parts struct {
	when         *expr.Condition
	alternatives []alternative
	output       *shape // of an End
}

// reference is a path that a template or condition names, and who reads it.
type reference struct {
	to   expr.Path
	by   owner
	path string
}

// owner says from where in the graph a reference is read.
type owner struct {
	node int32
	edge bool // read once node is over, not before it starts
}

func nodeOwner(i int32) owner    { return owner{node: i} }
func edgeOwner(from int32) owner { return owner{node: from, edge: true} }

func (c *compiler) report(path, reason, message string) {
	if len(c.errs) >= MaxErrors-1 {
		c.dropped++
		return
	}
	c.errs = append(c.errs, Error{Path: path, Reason: reason, Message: message})
}

// finish closes the list of errors.
func (c *compiler) finish() Errors {
	if c.dropped > 0 {
		c.errs = append(c.errs, Error{Reason: ReasonTooLarge, Message: fmt.Sprintf("and %d more errors", c.dropped)})
	}
	return c.errs
}

// bounded checks the sizes, before anything is done that costs time.
func (c *compiler) bounded() bool {
	ceiling := func(value, ceiling int) int {
		if value <= 0 || value > ceiling {
			return ceiling
		}
		return value
	}
	c.limits = Limits{
		Nodes:       ceiling(c.flow.Limits.Nodes, MaxNodes),
		Edges:       ceiling(c.flow.Limits.Edges, MaxEdges),
		OutputBytes: ceiling(c.flow.Limits.OutputBytes, MaxOutputBytes),
	}
	links := len(c.flow.Edges)
	for _, n := range c.flow.Nodes {
		links += len(n.DependsOn) + len(n.Conditions)
	}
	switch n := len(c.flow.Nodes); {
	case n == 0:
		c.report("nodes", ReasonNoNodes, "a flow needs at least one node")
	case n > c.limits.Nodes:
		c.report("nodes", ReasonTooLarge, fmt.Sprintf("%d nodes, at most %d are allowed", n, c.limits.Nodes))
	case links > c.limits.Edges:
		c.report("connections", ReasonTooLarge, fmt.Sprintf("%d connections and dependencies, at most %d are allowed", links, c.limits.Edges))
	default:
		return true
	}
	return false
}

// node checks one node and takes it in.
func (c *compiler) node(i int32) {
	n := c.flow.Nodes[i]
	path := "nodes[" + strconv.Itoa(int(i)) + "]"
	c.identify(i, n.ID, path+".id")
	kind, ok := ParseKind(string(n.Kind))
	switch {
	case n.Kind == "":
		c.report(path+".type", ReasonMissing, "a node needs a type")
	case !ok:
		c.report(path+".type", ReasonUnknownKind, quote(string(n.Kind))+" is no type of node: the types are "+kindNames())
	}
	n.Kind = kind
	c.config[i] = normalise(n.Config, path+".config", knownKeys(kind), c.clash)
	if n.Policy != nil {
		c.policy(*n.Policy, path)
	}
	c.nodes = append(c.nodes, sourceNode{Node: n, path: path})
	if strings.TrimSpace(n.When) != "" {
		c.parts[i].when = c.condition(n.When, path+".when", nodeOwner(i))
	}
	c.alternatives(i, n)
	if ok {
		c.configure(i)
	}
	c.nodes[i].Config = c.config[i].values
}

func (c *compiler) clash(path, message string) { c.report(path, ReasonDuplicateKey, message) }

// identify checks an ID and enters it in the index.
func (c *compiler) identify(i int32, id, path string) {
	switch {
	case id == "":
		c.report(path, ReasonInvalidID, "a node needs an id")
		return
	case isTrigger(id):
		c.report(path, ReasonReservedID, quote(id)+" is reserved for where a flow starts")
		return
	case !validID(id):
		c.report(path, ReasonInvalidID, quote(id)+" is no id: use letters, digits, _ and -, beginning with a letter, digit or _, at most "+
			strconv.Itoa(maxIDBytes)+" bytes")
	}
	if first, twice := c.index[id]; twice {
		c.report(path, ReasonDuplicateID, fmt.Sprintf("%s is the id of nodes[%d] already", quote(id), first))
		return
	}
	c.index[id] = i
}

// validID accepts what can be written as the first part of a ${…} path.
func validID(id string) bool {
	if len(id) > maxIDBytes || !utf8.ValidString(id) || id[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func (c *compiler) policy(p Policy, path string) {
	if field, message := p.check(); field != "" {
		c.report(path+"."+field, ReasonInvalid, message)
	}
}

// condition parses a condition and notes what it refers to; nil when it is wrong.
func (c *compiler) condition(src, path string, by owner) *expr.Condition {
	cond, known := c.parsed[src]
	if !known {
		if !c.afford(src, path) {
			return nil
		}
		parsed, err := expr.ParseCondition(src)
		if err != nil {
			c.syntax(path, err)
			return nil
		}
		cond = parsed
		c.parsed[src] = cond
	}
	c.note(cond.Refs(), path, by)
	return cond
}

// template is condition for templates.
func (c *compiler) template(src, path string, by owner) *expr.Template {
	if !c.afford(src, path) {
		return nil
	}
	t, err := expr.ParseTemplate(src)
	if err != nil {
		c.syntax(path, err)
		return nil
	}
	c.note(t.Refs(), path, by)
	return t
}

// script is condition for shell scripts.
func (c *compiler) script(src, path string, by owner) {
	if !c.afford(src, path) {
		return
	}
	s, err := expr.ParseShell(src)
	if err != nil {
		c.syntax(path, err)
		return
	}
	c.note(s.Refs(), path, by)
}

// afford bounds how much text one flow may have parsed.
func (c *compiler) afford(src, path string) bool {
	before := c.source
	c.source += len(src)
	if before <= MaxSourceBytes && c.source > MaxSourceBytes {
		c.report(path, ReasonTooLarge, fmt.Sprintf("the texts of this flow are larger than %d bytes together", MaxSourceBytes))
	}
	return c.source <= MaxSourceBytes
}

func (c *compiler) syntax(path string, err error) {
	var se *expr.SyntaxError
	message := err.Error()
	if errors.As(err, &se) {
		message = se.Error()
	}
	c.report(path, ReasonSyntax, cut(message))
}

// note keeps the references that name a part of something, since only those can
// be told from variables.
func (c *compiler) note(refs []expr.Path, path string, by owner) {
	for _, to := range refs {
		if len(to) > 1 {
			c.refs = append(c.refs, reference{to: to, by: by, path: path})
		}
	}
}

// sort returns the nodes in plan order, or reports a cycle.
func (c *compiler) sort(links []link) []int32 {
	from, to := make([]int32, len(links)), make([]int32, len(links))
	for i, k := range links {
		from[i], to[i] = k.from, k.to
	}
	sorted, cycle := order(len(c.nodes), from, to)
	if cycle == nil {
		return sorted
	}
	const most = 12
	var b strings.Builder
	for i, e := range cycle {
		if i == most {
			fmt.Fprintf(&b, "… (%d nodes) -> ", len(cycle))
			break
		}
		b.WriteString(c.nodes[from[e]].ID + " -> ")
	}
	last := links[cycle[len(cycle)-1]]
	path := last.path
	if strings.HasPrefix(path, "connections[") {
		path += ".to"
	}
	c.report(path, ReasonCycle, "cycle: "+b.String()+c.nodes[last.to].ID)
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
