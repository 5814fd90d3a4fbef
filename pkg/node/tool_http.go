// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import "context"

// http sends a request.
func (j *scriptJob) http(ctx context.Context, action string, args toolArgs) (map[string]any, error) {
	switch action {
	case "get", "post", "put", "patch", "delete", "head":
	default:
		return nil, noAction("http", action, "get", "post", "put", "patch", "delete", "head")
	}
	method, err := requestMethod(action)
	if err != nil {
		return nil, err
	}
	timeout, err := args.timeout(j.timeout)
	if err != nil {
		return nil, err
	}
	strict, err := j.bool(true, "fail_on_error")
	if err != nil {
		return nil, err
	}
	a, err := j.web.send(ctx, args.settings, method, timeout)
	if err != nil {
		return nil, err
	}
	delete(a.output, "output") // what the tool says is the whole answer
	if err := a.check(); err != nil {
		if strict {
			return nil, err
		}
		out := toolOutput(a.output)
		out["success"], out["exit_code"], out["stderr"] = false, 1, bound(err.Error(), maxMessage)
		return out, nil
	}
	return toolOutput(a.output), nil
}
