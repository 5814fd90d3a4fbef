// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// tool runs an action of a built-in tool.
func (j *scriptJob) tool(ctx context.Context, name string) (map[string]any, error) {
	action, err := j.word("action", "run")
	if err != nil {
		return nil, err
	}
	action = strings.ToLower(action)
	args := toolArgs{settings{renderer: j.renderer}}
	switch t := j.values["args"].(type) {
	case nil:
	case map[string]any:
		args.values = t
	default:
		return nil, fail(ReasonInvalidConfig, "args: must be a map for a tool")
	}
	switch name {
	case "docker":
		j.reads = true
		return j.docker(ctx, action, args)
	case "kubectl":
		j.reads = true
		return j.kubectl(ctx, action, args)
	case "http":
		return j.http(ctx, action, args)
	case "json":
		return args.json(action)
	case "file":
		return j.file(action, args)
	default:
		return nil, fail(ReasonUnsupported, "there is no tool %s: known are docker, file, http, json and kubectl", quote(name))
	}
}

func noAction(tool, action string, known ...string) error {
	return fail(ReasonUnsupported, "%s has no action %s: known are %s", tool, quote(action), strings.Join(known, ", "))
}

// toolArgs are the arguments of a tool.
type toolArgs struct {
	settings
}

// name renders an argument that stands by itself, such as a pod's name. It can't
// be read as an option.
func (a toolArgs) name(needed bool, keys ...string) (string, error) {
	text, err := a.word(keys...)
	switch {
	case err != nil:
		return "", err
	case text == "" && needed:
		return "", fail(ReasonInvalidConfig, "args: %s is needed", keys[0])
	}
	return text, checkName(keys[0], text)
}

func checkName(key, text string) error {
	if strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\x00\n") {
		return fail(ReasonRefused, "args.%s: begins with '-' or holds a line break, which no name does", key)
	}
	return nil
}

// names is name for a list.
func (a toolArgs) names(keys ...string) ([]string, error) {
	names, err := a.list(keys...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := checkName(keys[0], name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// command is a command line being put together.
type command struct {
	args toolArgs
	argv []string
	err  error
}

func newCommand(args toolArgs, words ...string) *command {
	return &command{args: args, argv: slices.Clone(words)}
}

// option adds --name=value for each value of the first of the keys. The value
// is part of the same argument, so it can't be another option.
func (c *command) option(name string, keys ...string) *command {
	if c.err != nil {
		return c
	}
	values, err := c.args.list(keys...)
	c.err = err
	for _, v := range values {
		if strings.ContainsRune(v, 0) {
			c.err = fail(ReasonRefused, "args.%s: holds a NUL byte", keys[0])
			return c
		}
		c.argv = append(c.argv, name+"="+v)
	}
	return c
}

// flag adds --name when the first of the keys says yes.
func (c *command) flag(name string, keys ...string) *command {
	if c.err != nil {
		return c
	}
	var yes bool
	if yes, c.err = c.args.bool(false, keys...); yes {
		c.argv = append(c.argv, name)
	}
	return c
}

// count adds --name=n.
func (c *command) count(name string, otherwise int, keys ...string) *command {
	if c.err != nil {
		return c
	}
	text, err := c.args.word(keys...)
	if c.err = err; err != nil {
		return c
	}
	n, err := strconv.Atoi(orElse(text, strconv.Itoa(otherwise)))
	switch {
	case strings.EqualFold(text, "all"):
		n = -1
	case err != nil:
		c.err = fail(ReasonInvalidConfig, "args: %s must be a number", keys[0])
		return c
	}
	if n < 0 {
		return c // all of it
	}
	c.argv = append(c.argv, name+"="+strconv.Itoa(n))
	return c
}

// words adds arguments that were checked already.
func (c *command) words(words ...string) *command {
	for _, word := range words {
		if word != "" {
			c.argv = append(c.argv, word)
		}
	}
	return c
}
