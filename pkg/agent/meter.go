// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"aof.dev/operator/pkg/llm"
)

// Meter is asked before every call of a model, and told after it.
type Meter interface {
	// Begin may bound the reply, or refuse the call. After a call that it let
	// through, end is called with what came of it: a response or an error.
	Begin(ctx context.Context, request *llm.Request) (end func(*llm.Response, error), err error)
}

type meterKey struct{}

// WithMeter has the calls that are made under the context metered.
func WithMeter(ctx context.Context, m Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// call asks the provider, by way of the context's meter if there is one.
func call(ctx context.Context, provider llm.Provider, request llm.Request) (*llm.Response, error) {
	m, ok := ctx.Value(meterKey{}).(Meter)
	if !ok {
		return provider.Generate(ctx, request)
	}
	end, err := m.Begin(ctx, &request)
	if err != nil {
		return nil, err
	}
	response, err := provider.Generate(ctx, request)
	end(response, err)
	return response, err
}
