// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr_test

import (
	"fmt"

	"aof.dev/operator/pkg/expr"
)

func ExampleParseTemplate() {
	template, err := expr.ParseTemplate("Severity: ${classify.output.severity:-unknown}, by ${event.user}")
	if err != nil {
		panic(err)
	}
	text, err := template.Render(expr.Root(map[string]any{
		"event": map[string]any{"user": expr.Textual{Value: map[string]any{"id": "U1", "name": "ann"}, Text: "U1"}},
	}))
	fmt.Println(text, err)
	// Output: Severity: unknown, by U1 <nil>
}

func ExampleParseShell() {
	script, err := expr.ParseShell(`echo 'You said: ${event.text}' to $USER`)
	if err != nil {
		panic(err)
	}
	bound, vars, err := script.Bind(expr.Root(map[string]any{
		"event": map[string]any{"text": "'; rm -rf /"},
	}))
	fmt.Println(bound, vars, err)
	// Output: echo 'You said: '"${AOF_REF_0}"'' to $USER map[AOF_REF_0:'; rm -rf /] <nil>
}

func ExampleParseCondition() {
	condition, err := expr.ParseCondition(`severity in ["high", "critical"] AND score >= 80`)
	if err != nil {
		panic(err)
	}
	holds, err := condition.Eval(expr.Root(map[string]any{"severity": "high", "score": "90"}))
	fmt.Println(holds, err)
	// Output: true <nil>
}
