// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import "context"

// httpExecutor sends one request.
type httpExecutor struct {
	web *web
}

// Execute sends the request. A status of 400 or above is an error, unless
// fail_on_status is false.
func (e *httpExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	name, err := s.word("method")
	if err != nil {
		return Result{}, err
	}
	method, err := requestMethod(name)
	if err != nil {
		return Result{}, err
	}
	timeout, err := s.timeout(policyTimeout(req.Node, defaultRequestTime))
	if err != nil {
		return Result{}, err
	}
	strict, err := s.bool(true, "fail_on_status", "failOnStatus", "fail_on_error", "failOnError")
	if err != nil {
		return Result{}, err
	}
	a, err := e.web.send(ctx, s, method, timeout)
	if err != nil {
		return Result{}, err
	}
	if strict {
		if err := a.check(); err != nil {
			return Result{}, err
		}
	}
	a.output["success"] = a.status < 400
	return Result{Output: a.output}, nil
}
