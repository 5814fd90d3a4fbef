// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"
)

// maxSeq bounds how many numbers seq gives.
const maxSeq = 1_000_000

// seqTool counts: seq last, seq first last, seq first step last.
func seqTool(t *toolRun) (int, error) {
	first, step, last := 1, 1, 0
	targets := map[int][]*int{1: {&last}, 2: {&first, &last}, 3: {&first, &step, &last}}[len(t.args)]
	if targets == nil {
		return 2, usageError("takes one to three whole numbers")
	}
	for i, target := range targets {
		n, err := strconv.ParseInt(t.args[i], 10, 32)
		if err != nil {
			return 2, usageError("not a whole number: " + bound(t.args[i], 64))
		}
		*target = int(n)
	}
	if step == 0 {
		return 2, usageError("the step is 0")
	}
	if (last-first)/step > maxSeq {
		return 2, usageError("more than " + strconv.Itoa(maxSeq) + " numbers")
	}
	for n := first; (step > 0 && n <= last) || (step < 0 && n >= last); n += step {
		t.line(strconv.Itoa(n))
	}
	return 0, nil
}

// sleepTool waits, as long as the script has time.
func sleepTool(t *toolRun) (int, error) {
	var total time.Duration
	for _, arg := range t.args {
		if arg != "" && arg[len(arg)-1] >= '0' && arg[len(arg)-1] <= '9' {
			arg += "s"
		}
		d, err := time.ParseDuration(arg)
		if err != nil || d < 0 {
			return 2, usageError("not a time: " + bound(arg, 64))
		}
		total += d
	}
	if len(t.args) == 0 || total < 0 {
		return 2, usageError("takes a number of seconds")
	}
	ctx, cancel := context.WithTimeout(t.ctx, total)
	defer cancel()
	<-ctx.Done()
	return 0, t.ctx.Err()
}

func basenameTool(t *toolRun) (int, error) {
	if len(t.args) < 1 || len(t.args) > 2 || strings.HasPrefix(t.args[0], "-") {
		return 2, usageError("takes a path and maybe a suffix")
	}
	name := path.Base(t.args[0])
	if len(t.args) == 2 && name != t.args[1] {
		name = strings.TrimSuffix(name, t.args[1])
	}
	t.line(name)
	return 0, nil
}

func dirnameTool(t *toolRun) (int, error) {
	if len(t.args) != 1 || strings.HasPrefix(t.args[0], "-") {
		return 2, usageError("takes one path")
	}
	dir := strings.TrimRight(t.args[0], "/")
	switch at := strings.LastIndexByte(dir, '/'); {
	case dir == "" && t.args[0] != "":
		dir = "/"
	case at < 0:
		dir = "."
	default:
		if dir = strings.TrimRight(dir[:at], "/"); dir == "" {
			dir = "/"
		}
	}
	t.line(dir)
	return 0, nil
}
