// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package match_test

import (
	"fmt"

	"aof.dev/operator/pkg/match"
)

func Example() {
	set, err := match.Compile([]match.Rule{
		{ID: "k8s", Filters: []match.Filter{
			{Name: "trigger slack-prod", Channels: []string{"C1"}},
			{Name: "flow k8s-ops", Patterns: []string{"kubectl", "pod"}},
		}},
		{ID: "deploy", Filters: []match.Filter{
			{Name: "trigger slack-prod", Channels: []string{"C1"}},
			{Name: "flow deploy", Patterns: []string{"deploy", "release"}},
		}},
	})
	if err != nil {
		panic(err)
	}
	for _, v := range set.Explain(match.Facts{Text: "why is the pod down?", Type: "message", Channels: []string{"C1"}}) {
		fmt.Println(v.Rule, v.Matched, v.Reason)
	}
	// Output:
	// deploy false the text matches none of the patterns "deploy", "release" of flow deploy
	// k8s true pattern "pod" of flow k8s-ops
}
