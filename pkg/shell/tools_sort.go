// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func sortTool(t *toolRun) (int, error) {
	o, err := t.parse("rnu")
	if err != nil {
		return 2, err
	}
	var lines []string
	err = t.inputs(o.files, func(_ string, in io.Reader) error {
		data, err := t.all(in)
		lines = append(lines, splitLines(string(data))...)
		return err
	})
	if err != nil {
		return 2, err
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		c := 0
		if o.has('n') {
			c = compareNumbers(a, b)
		}
		if c == 0 {
			c = strings.Compare(a, b)
		}
		if o.has('r') {
			c = -c
		}
		return c
	})
	if o.has('u') {
		lines = slices.Compact(lines)
	}
	for _, line := range lines {
		t.line(line)
	}
	return 0, nil
}

var leadingNumber = regexp.MustCompile(`^\s*-?[0-9]*\.?[0-9]*`)

func compareNumbers(a, b string) int {
	x, _ := strconv.ParseFloat(strings.TrimSpace(leadingNumber.FindString(a)), 64)
	y, _ := strconv.ParseFloat(strings.TrimSpace(leadingNumber.FindString(b)), 64)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func uniqTool(t *toolRun) (int, error) {
	o, err := t.parse("cd")
	if err != nil {
		return 2, err
	}
	count, last := 0, ""
	emit := func() {
		switch {
		case count == 0 || (o.has('d') && count < 2):
		case o.has('c'):
			t.line(fmt.Sprintf("%7d %s", count, last))
		default:
			t.line(last)
		}
	}
	err = t.inputs(o.files, func(_ string, in io.Reader) error {
		return t.lines(in, func(line string) bool {
			if count == 0 || line != last {
				emit()
				count, last = 0, line
			}
			count++
			return true
		})
	})
	emit()
	return 0, err
}
