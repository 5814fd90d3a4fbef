// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestPrintTable(t *testing.T) {
	t.Parallel()
	r := resource{Kind: "Thing", Columns: []apiextensionsv1.CustomResourceColumnDefinition{
		{Name: "Text", Type: "string", JSONPath: ".spec.text"},
		{Name: "Many", Type: "integer", JSONPath: ".spec.many[*].n"},
		{Name: "More", Type: "string", JSONPath: ".spec.more", Priority: 1},
		{Name: "Age", Type: "date", JSONPath: ".metadata.creationTimestamp"},
	}}
	thing := func(namespace, name, created string, spec map[string]any) unstructured.Unstructured {
		return unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": namespace, "name": name, "creationTimestamp": created}, "spec": spec}}
	}
	items := []unstructured.Unstructured{
		thing("a", "one", "2026-01-02T03:04:05Z", map[string]any{"text": "x\n\x1b[2J y\t\tz", "more": "m", "many": []any{map[string]any{"n": int64(1)}, map[string]any{"n": int64(2)}}}),
		thing("b", "second", "not a time", nil),
	}
	now := time.Date(2026, 1, 2, 5, 4, 5, 0, time.UTC)
	for name, tc := range map[string]struct {
		opts tableOptions
		want string
	}{
		"one namespace":  {tableOptions{Now: now}, "NAME     TEXT        MANY   AGE\none      x [2J y z   1 2    120m\nsecond                      not a time\n"},
		"all namespaces": {tableOptions{Now: now, AllNamespaces: true, NoHeaders: true}, "a   one      x [2J y z   1 2   120m\nb   second                     not a time\n"},
		"wide":           {tableOptions{Now: now, Wide: true, NoHeaders: true}, "one      x [2J y z   1 2   m   120m\nsecond                         not a time\n"},
	} {
		var out bytes.Buffer
		require.NoError(t, printTable(&out, r, items, tc.opts), name)
		assert.Equal(t, tc.want, out.String(), name)
	}
	r.Columns[0].JSONPath = ".spec["
	require.ErrorContains(t, printTable(&bytes.Buffer{}, r, items, tableOptions{}), "Thing: column Text")
}

func TestLinesAreCutToTheTerminal(t *testing.T) {
	t.Parallel()
	c := newCluster(t).put(failedRun)
	user := c.user().at(3 * time.Minute)
	user.terminal, user.width = true, 60
	got := user.aof(t, "runs")
	assert.Equal(t, `NAME    FLOW   BINDING   PHASE    STARTED   DURATION   AGE …
web-2   fix    web       Failed   119s      1s         2m  …
`, got.out)
	assert.Contains(t, user.aof(t, "runs", "-o", "wide").out, "exit code 7")
}
