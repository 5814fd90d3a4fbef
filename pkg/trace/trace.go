// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// The names of the two fields, as headers and as extensions of a CloudEvent.
const (
	Parent = "traceparent"
	State  = "tracestate"
)

// Context is a trace context, valid as it stands. The zero value is none.
type Context struct {
	// Parent is the traceparent of version 00, State the tracestate, which may
	// be empty.
	Parent, State string
}

// IsZero tells that there is no trace.
func (c Context) IsZero() bool { return c.Parent == "" }

// Begin starts a trace at an event that came without one. Where its identifiers
// lead matters to nobody, so they need no secure random numbers.
func Begin() Context {
	var trace [16]byte
	var span [8]byte
	// An identifier may not be zero.
	binary.BigEndian.PutUint64(trace[:8], rand.Uint64()|1) //nolint:gosec // identifiers, not secrets
	binary.BigEndian.PutUint64(trace[8:], rand.Uint64())   //nolint:gosec // identifiers, not secrets
	binary.BigEndian.PutUint64(span[:], rand.Uint64()|1)   //nolint:gosec // identifiers, not secrets
	return Context{Parent: "00-" + hex.EncodeToString(trace[:]) + "-" + hex.EncodeToString(span[:]) + "-01"}
}

// FromHeader is the context of a request; none when it has no valid one.
func FromHeader(h http.Header) Context {
	parents := h.Values(Parent)
	if len(parents) != 1 {
		return Context{}
	}
	return parse(parents[0], strings.Join(h.Values(State), ","))
}

// FromEvent is the context an event carries; none when it has no valid one.
func FromEvent(e cloudevents.Event) Context {
	extensions := e.Extensions()
	parent, _ := extensions[Parent].(string)
	state, _ := extensions[State].(string)
	return parse(parent, state)
}

// SetHeader puts the context into the headers of a request to be sent.
func (c Context) SetHeader(h http.Header) {
	if c.IsZero() {
		return
	}
	h.Set(Parent, c.Parent)
	if c.State != "" {
		h.Set(State, c.State)
	}
}

// SetEvent puts the context into an event.
func (c Context) SetEvent(e *cloudevents.Event) {
	if c.IsZero() {
		return
	}
	e.SetExtension(Parent, c.Parent)
	if c.State != "" {
		e.SetExtension(State, c.State)
	}
}

type contextKey struct{}

// With puts the trace into a context, for calls that are made on its behalf.
func With(ctx context.Context, c Context) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From is the trace of a context; none when it has none.
func From(ctx context.Context) Context {
	c, _ := ctx.Value(contextKey{}).(Context)
	return c
}
