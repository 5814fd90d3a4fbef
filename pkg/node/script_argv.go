// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/shell"
)

// argv renders a program and its arguments. No shell sees them.
func (s settings) argv(command string, args any) ([]string, error) {
	words := []any{command}
	if !strings.Contains(command, "${") && !strings.Contains(command, "{{") {
		words = nil
		for _, word := range strings.Fields(command) {
			words = append(words, word)
		}
	}
	switch t := args.(type) {
	case []any:
		words = append(words, t...)
	case string:
		if strings.Contains(t, "${") || strings.Contains(t, "{{") {
			words = append(words, t)
			break
		}
		for _, word := range strings.Fields(t) {
			words = append(words, word)
		}
	default:
		return nil, fail(ReasonInvalidConfig, "args: must be a list when there is no tool")
	}
	var out []string
	for i, word := range words {
		rendered, err := s.argument(word)
		if err != nil {
			return nil, at("args["+strconv.Itoa(i)+"]", err)
		}
		out = append(out, rendered...)
	}
	if len(out) == 0 || strings.TrimSpace(out[0]) == "" || strings.HasPrefix(out[0], "-") {
		return nil, fail(ReasonInvalidConfig, "command: is needed")
	}
	return out, nil
}

// argument renders one argument; a lone reference to a list becomes several. An
// option must be written by the author: a value can't be one.
func (s settings) argument(v any) ([]string, error) {
	filled, err := s.deep(v)
	if err != nil {
		return nil, err
	}
	values := []any{filled}
	if list, ok := filled.([]any); ok {
		values = list
	}
	src, _ := v.(string)
	out := make([]string, 0, len(values))
	for _, value := range values {
		text := expr.Text(value)
		if strings.ContainsRune(text, 0) {
			return nil, fail(ReasonRefused, "holds a NUL byte")
		}
		if smuggles(src, text) {
			return nil, fail(ReasonRefused, "a value begins with '-' and would be read as an option")
		}
		out = append(out, text)
	}
	return out, nil
}

// smuggles says that a rendered argument is an option whose name did not come
// from the author.
func smuggles(src, text string) bool {
	prefix, references := literalPrefix(src)
	return references && strings.HasPrefix(text, "-") && strings.Trim(prefix, "-") == ""
}

// exec starts one program.
func (j *scriptJob) exec(ctx context.Context, argv []string) (shell.Result, error) {
	if err := j.permit(commandAction(argv, j.env, j.dir, j.reads)); err != nil {
		return shell.Result{}, err
	}
	res, err := j.runner.Exec(ctx, argv, shell.Script{Env: j.env, Dir: j.dir, Timeout: j.timeout})
	if err != nil {
		return res, shellError(ctx, err)
	}
	return res, nil
}
