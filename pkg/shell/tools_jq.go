// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// jqCall is one call of jq, its arguments read.
type jqCall struct {
	filter string
	files  []string
	names  []string // of variables, with the $
	values []any
	named  map[string]any
	args   []any // what --args and --jsonargs gave

	null, slurp, raw, rawIn, join, status bool
	halted                                bool // the filter said that this is all
	indent                                string
}

// jqTool runs jq in this process.
func jqTool(t *toolRun) (int, error) {
	call, err := parseJQ(t.args)
	if err != nil {
		return 2, err
	}
	query, err := gojq.Parse(call.filter)
	if err != nil {
		return 3, fmt.Errorf("compile: %w", err)
	}
	in := &jqInputs{}
	env := t.env
	code, err := gojq.Compile(query,
		gojq.WithVariables(call.names),
		gojq.WithEnvironLoader(func() []string { return env }),
		gojq.WithInputIter(in),
	)
	if err != nil {
		return 3, fmt.Errorf("compile: %w", err)
	}
	var readers []io.Reader
	var closers []io.Closer
	defer func() {
		for _, c := range closers {
			_ = c.Close() // they were only read
		}
	}()
	for _, name := range call.files {
		f, err := t.run.openFile(t.dir, name, 0, 0, false)
		if err != nil {
			return 2, fmt.Errorf("could not open %s", bound(name, 128))
		}
		readers, closers = append(readers, f), append(closers, f)
	}
	if len(readers) == 0 {
		readers = []io.Reader{t.stdin}
	}
	if err := in.open(t, io.MultiReader(readers...), call); err != nil {
		return 2, err
	}
	return call.eval(t, code, in)
}

// eval runs the filter on each input.
func (c *jqCall) eval(t *toolRun, code *gojq.Code, in *jqInputs) (int, error) {
	if c.null {
		return c.filterOne(t, code, nil, c.noOutput())
	}
	exit := c.noOutput()
	for {
		v, ok := in.Next()
		if !ok {
			return exit, nil
		}
		if err, bad := v.(error); bad {
			return 2, err
		}
		var err error
		if exit, err = c.filterOne(t, code, v, exit); err != nil || c.halted {
			return exit, err
		}
	}
}

// noOutput is the status when the filter gave nothing.
func (c *jqCall) noOutput() int {
	if c.status {
		return 4
	}
	return 0
}

// filterOne runs the filter on one input and gives the status so far.
func (c *jqCall) filterOne(t *toolRun, code *gojq.Code, input any, exit int) (int, error) {
	iter := code.RunWithContext(t.ctx, input, c.values...)
	for {
		v, ok := iter.Next()
		if !ok {
			return exit, nil
		}
		if err, bad := v.(error); bad {
			var halt *gojq.HaltError
			if errors.As(err, &halt) {
				c.halted = true
				return c.halt(t, halt)
			}
			return 5, err
		}
		if err := c.write(t, v); err != nil {
			return 2, err
		}
		if c.status {
			exit = 0
			if v == nil || v == false {
				exit = 1
			}
		}
	}
}

func (c *jqCall) halt(t *toolRun, halt *gojq.HaltError) (int, error) {
	if v := halt.Value(); v != nil {
		text, ok := v.(string)
		if !ok {
			data, err := gojq.Marshal(v)
			if err != nil {
				return 5, err
			}
			text = string(data) + "\n"
		}
		_, _ = io.WriteString(t.stderr, text)
	}
	return halt.ExitCode(), nil
}

func (c *jqCall) write(t *toolRun, v any) error {
	if text, ok := v.(string); ok && c.raw {
		_, err := io.WriteString(t.stdout, text)
		return c.end(t, err)
	}
	data, err := gojq.Marshal(v)
	if err != nil {
		return err
	}
	if c.indent != "" {
		var buf bytes.Buffer
		if err := json.Indent(&buf, data, "", c.indent); err != nil {
			return err
		}
		data = buf.Bytes()
	}
	_, err = t.stdout.Write(data)
	return c.end(t, err)
}

func (c *jqCall) end(t *toolRun, err error) error {
	if err == nil && !c.join {
		_, err = io.WriteString(t.stdout, "\n")
	}
	return err
}

// jqInputs gives the documents of the input one by one.
type jqInputs struct {
	dec  *json.Decoder
	line []any // with -R or -s everything is read at once
	held bool
	done bool
}

func (in *jqInputs) open(t *toolRun, r io.Reader, c *jqCall) error {
	if !c.rawIn && !c.slurp {
		in.dec = json.NewDecoder(&meteredReader{run: t.run, r: r})
		in.dec.UseNumber()
		return nil
	}
	in.held = true
	data, err := t.all(r)
	switch {
	case err != nil:
		return err
	case c.rawIn && c.slurp:
		in.line = []any{string(data)}
	case c.rawIn:
		for _, line := range splitLines(string(data)) {
			in.line = append(in.line, line)
		}
	default:
		docs := &jqInputs{dec: json.NewDecoder(bytes.NewReader(data))}
		docs.dec.UseNumber()
		all := []any{}
		for v, ok := docs.Next(); ok; v, ok = docs.Next() {
			if err, bad := v.(error); bad {
				return err
			}
			all = append(all, v)
		}
		in.line = []any{all}
	}
	return nil
}

// Next implements gojq.Iter.
func (in *jqInputs) Next() (any, bool) {
	switch {
	case in.held && len(in.line) > 0:
		v := in.line[0]
		in.line = in.line[1:]
		return v, true
	case in.held || in.done:
		return nil, false
	}
	var v any
	if err := in.dec.Decode(&v); err != nil {
		in.done = true
		if errors.Is(err, io.EOF) {
			return nil, false
		}
		return fmt.Errorf("input is not JSON: %w", err), true
	}
	return v, true
}

// meteredReader counts what a decoder reads, and ends a document that grows
// beyond what is held in memory.
type meteredReader struct {
	run *run
	r   io.Reader
}

// Read implements io.Reader.
func (m *meteredReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if cerr := m.run.charge(n); cerr != nil {
		return 0, cerr
	}
	return n, err
}

func parseJQ(args []string) (*jqCall, error) {
	c := &jqCall{indent: "  ", named: map[string]any{}}
	filter, positional := false, ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case len(arg) < 2 || arg[0] != '-' || positional == "files":
			if err := c.operand(arg, &filter, positional); err != nil {
				return nil, err
			}
		case arg == "--":
			positional = "files"
		case arg == "--args" || arg == "--jsonargs":
			positional = arg
		case arg == "--arg" || arg == "--argjson":
			if i+2 >= len(args) {
				return nil, usageError(arg + " needs a name and a value")
			}
			var v any = args[i+2]
			if arg == "--argjson" {
				var err error
				if v, err = decodeJSON(args[i+2]); err != nil {
					return nil, usageError("--argjson: the value is not JSON")
				}
			}
			c.bind(args[i+1], v)
			i += 2
		case arg == "--indent":
			i++
			n, err := strconv.Atoi(strings.Join(args[min(i, len(args)):min(i+1, len(args))], ""))
			if err != nil || n < 0 || n > 8 {
				return nil, usageError("--indent needs a number up to 8")
			}
			c.indent = strings.Repeat(" ", n)
		default:
			if err := c.flags(arg); err != nil {
				return nil, err
			}
		}
	}
	if !filter {
		c.filter = "."
	}
	positionalArgs := c.args
	if positionalArgs == nil {
		positionalArgs = []any{}
	}
	c.names = append(c.names, "$ARGS")
	c.values = append(c.values, map[string]any{"named": c.named, "positional": positionalArgs})
	return c, nil
}

func (c *jqCall) bind(name string, v any) {
	if _, twice := c.named[name]; twice {
		return // the first wins, as in jq
	}
	c.named[name] = v
	c.names, c.values = append(c.names, "$"+name), append(c.values, v)
}

// operand is the filter, then files, or what --args announced.
func (c *jqCall) operand(arg string, filter *bool, positional string) error {
	switch {
	case !*filter:
		c.filter, *filter = arg, true
	case positional == "--args":
		c.args = append(c.args, arg)
	case positional == "--jsonargs":
		v, err := decodeJSON(arg)
		if err != nil {
			return usageError("--jsonargs: a value is not JSON")
		}
		c.args = append(c.args, v)
	default:
		c.files = append(c.files, arg)
	}
	return nil
}

var jqLong = map[string]byte{
	"--raw-output": 'r', "--compact-output": 'c', "--null-input": 'n', "--slurp": 's', "--raw-input": 'R',
	"--join-output": 'j', "--exit-status": 'e', "--sort-keys": 'S', "--tab": 't', "--monochrome-output": 'M',
	"--unbuffered": 'M', "--color-output": 'M',
}

func (c *jqCall) flags(arg string) error {
	letters := arg[1:]
	if strings.HasPrefix(arg, "--") {
		letter, ok := jqLong[arg]
		if !ok {
			return usageError("unknown option " + bound(arg, 64))
		}
		letters = string(letter)
	}
	for _, letter := range []byte(letters) {
		switch letter {
		case 'r':
			c.raw = true
		case 'c':
			c.indent = ""
		case 'n':
			c.null = true
		case 's':
			c.slurp = true
		case 'R':
			c.rawIn = true
		case 'j':
			c.raw, c.join = true, true
		case 'e':
			c.status = true
		case 't':
			c.indent = "\t"
		case 'S', 'M', 'C': // keys are always sorted, and nothing is colored
		default:
			return usageError("unknown option " + bound(arg, 64))
		}
	}
	return nil
}

func decodeJSON(s string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return v, nil
}
