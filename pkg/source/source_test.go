// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"aof.dev/operator/pkg/source"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := source.NewRegistry(source.Platform{Type: "Slack"}, source.Platform{Type: "HTTP", Aliases: []string{"Webhook"}})
	for given, want := range map[string]string{"Slack": "Slack", "slack": "Slack", "WEBHOOK": "HTTP", "http": "HTTP", "Telegram": "", "": ""} {
		p, ok := r.Lookup(given)
		assert.Equal(t, want, p.Type, given)
		assert.Equal(t, want != "", ok, given)
	}
	types := r.Types()
	assert.Equal(t, []string{"HTTP", "Slack"}, types)
	types[0] = "changed"
	assert.Equal(t, []string{"HTTP", "Slack"}, r.Types(), "the list is the caller's")
}

func TestRegistryRefusesTwoOfOneType(t *testing.T) {
	t.Parallel()
	for name, platforms := range map[string][]source.Platform{
		"twice":    {{Type: "Slack"}, {Type: "slack"}},
		"by alias": {{Type: "HTTP"}, {Type: "X", Aliases: []string{"http"}}},
		"no type":  {{}},
	} {
		assert.Panics(t, func() { source.NewRegistry(platforms...) }, name)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	e := &source.Error{Kind: source.Refused, Message: "no", Err: io.EOF}
	assert.Equal(t, source.Refused, source.KindOf(fmt.Errorf("send: %w", e)))
	assert.Equal(t, source.Unavailable, source.KindOf(errors.New("anything")), "it may go away")
	assert.Equal(t, "no", e.Error(), "the cause is not shown")
	assert.ErrorIs(t, e, io.EOF)
}
