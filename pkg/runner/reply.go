// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/node"
)

// reply tells who caused the event, where it came from, why nothing becomes of it.
// Without a way to say it, the run says it alone.
func (e *execution) reply(ctx context.Context, text string) {
	executor := e.executors[flow.KindResponse]
	if executor == nil || e.about.Channel == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	_, _ = executor.Execute(ctx, node.Request{
		Node:  flow.Node{ID: "limit", Kind: flow.KindResponse, Config: map[string]any{"message": "${text}"}},
		Scope: expr.ResolverFunc(func(p expr.Path) (any, bool) { return text, len(p) == 1 && p[0] == "text" }),
		Run:   e.about, Attempt: 1,
	})
}
