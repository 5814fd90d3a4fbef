// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCorpusIsLargeAndDistinct(t *testing.T) {
	t.Parallel()
	seen, classes := map[string]string{}, map[string]int{}
	for _, e := range Corpus(t, Places{Canary: "/canary", Evil: "evil.example:80"}) {
		assert.Empty(t, seen[e.Text], "%s says the same as %s", e.Line, seen[e.Text])
		assert.NotContains(t, e.Text, "@CANARY@", e.Line)
		seen[e.Text] = e.Line
		classes[e.Class]++
	}
	assert.GreaterOrEqual(t, len(seen), 500)
	for _, class := range []string{"shell", "template", "json", "bytes", "terminal", "url", "header", "query", "chat", "name"} {
		assert.GreaterOrEqual(t, classes[class], 20, class)
	}
}
