// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file  string
		data  string
		lines []int  // where each document begins
		want  string // the problems, one per line
	}{
		"empty documents are left out":      {data: "---\n---\n# nothing\n---\na: 1\n---\n", lines: []int{5}},
		"byte order mark and CRLF":          {data: "\xef\xbb\xbfa: 1\r\n---\r\nb: 2\r\n", lines: []int{1, 3}},
		"marker with content and comment":   {data: "--- # first\na: 1\n--- {b: 2}\n", lines: []int{2, 3}},
		"an end marker begins a new one":    {data: "a: 1\n...\nb: 2\n", lines: []int{1}, want: "f.yaml:3: not valid YAML: did not find expected <document start>"},
		"a key twice":                       {data: "kind: AgentFlow\nmetadata: {name: x}\nspec:\n  connections:\n  - from: a\n    to: b\n    to: c\n", want: `f.yaml:7: AgentFlow/x: spec.connections[0].to: key "to" is written twice: on line 6 and on line 7`},
		"a broken document hides no other":  {data: "a: [1\n---\nb: 2\n", lines: []int{3}, want: "f.yaml:2: not valid YAML: did not find expected ',' or ']'"},
		"alias and merge key":               {data: "base: &b {x: 1}\nuse:\n  <<: *b\n  y: *b\n", lines: []int{1}},
		"alias of itself":                   {data: "a: &a\n  b: *a\n", want: "f.yaml:2: a.b.b: alias *a refers to itself"},
		"custom tag":                        {data: "a: !env X\n", want: "f.yaml:1: a: YAML tag !env is not supported"},
		"infinity":                          {data: "a: .inf\n", want: "f.yaml:1: a: a number must be finite"},
		"a mapping as key":                  {data: "{a: b}: c\n", want: "f.yaml:1: a key must be plain text, not a list or a mapping"},
		"JSON with tabs and surrogates":     {file: "f.json", data: "{\n\t\"a\": \"\\ud83d\\ude00\"\n}\n{\"b\": 1}\n", lines: []int{1, 4}},
		"JSON with a key twice":             {file: "f.json", data: "{\"a\": 1,\n\"a\": 2}", want: `f.json:2: a: key "a" is written twice: on line 1 and on line 2`},
		"JSON cut short":                    {file: "f.json", data: "{\"a\": \n1", want: "f.json:2: not valid JSON: unexpected EOF"},
		"flow style YAML that is not JSON":  {data: "{a: 1}\n", lines: []int{1}},
		"only a scalar is still a document": {data: "hello\n", lines: []int{1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := tt.file
			if file == "" {
				file = "f.yaml"
			}
			docs, problems := Parse(file, []byte(tt.data))
			var lines []int
			for _, doc := range docs {
				lines = append(lines, doc.Line)
			}
			assert.Equal(t, tt.lines, lines)
			assert.Equal(t, tt.want, text(problems))
		})
	}
}

func text(problems []Problem) string {
	lines := make([]string, 0, len(problems))
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestValueKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	docs, problems := Parse("f.yaml", []byte("id: 1234567890123456789\nhex: 0x1F\nyes: yes\nday: 2025-01-02\nratio: 0.50\nnone: ~\n1: one\n"))
	require.Empty(t, problems)
	require.Len(t, docs, 1)
	got := fmt.Sprint(Value(docs[0].Root))
	assert.Equal(t, "map[1:one day:2025-01-02 hex:31 id:1234567890123456789 none:<nil> ratio:0.50 yes:yes]", got)
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for name, data := range map[string]string{
		"aliases of aliases":                bomb.String(),
		"deep brackets":                     "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"deep JSON":                         strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"more brackets than a parser takes": "a: " + strings.Repeat("[", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, problems := Parse("f.yaml", []byte(data))
			assert.Empty(t, docs)
			require.NotEmpty(t, problems)
			assert.Less(t, len(text(problems)), 2000)
		})
	}
}

func TestLineOf(t *testing.T) {
	t.Parallel()
	docs, problems := Parse("f.yaml", []byte(`apiVersion: aof.dev/v1
kind: AgentFlow
metadata:
  name: x
spec:
  trigger:
    type: Manual
  nodes:
    - id: a
      type: Script
      config:
        scriptConfig:
          command: |
            echo
    -
      id: b
  variables:
    a.b: 1
    a: 2
`))
	require.Empty(t, problems)
	for path, line := range map[string]int{
		"":              1,
		"metadata.name": 4,
		"spec":          5,
		"spec.nodes":    8,
		"spec.nodes[0]": 9,
		"spec.nodes[0].config.script_config.command": 13,
		"spec.nodes[0].config.missing.deeper":        11,
		"spec.nodes[1].id":                           16,
		"spec.nodes[7].id":                           8,
		"spec.nodes[x]":                              8,
		"spec.variables.a.b":                         18,
		"spec.variables[a.b]":                        18,
		"spec.variables.a":                           19,
		"spec.connections[0].to":                     5,
		"status":                                     1,
	} {
		assert.Equal(t, line, lineOf(docs[0].Root, docs[0].Line, path), path)
	}
}
