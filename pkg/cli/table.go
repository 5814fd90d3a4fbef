// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/client-go/util/jsonpath"
)

// tableOptions say what of a table is shown.
type tableOptions struct {
	AllNamespaces bool
	Wide          bool // also columns of a priority above 0
	NoHeaders     bool
	Now           time.Time
}

// printTable shows objects of one kind as kubectl does: by the printer columns
// of its CRD.
func printTable(w io.Writer, r resource, items []unstructured.Unstructured, opts tableOptions) error {
	rows, err := tableRows(r, items, opts)
	if err != nil {
		return err
	}
	tab := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tab, strings.Join(row, "\t"))
	}
	return tab.Flush()
}

// tableRows are the headings and one row for each object.
func tableRows(r resource, items []unstructured.Unstructured, opts tableOptions) ([][]string, error) {
	columns, err := readColumns(r.Columns, opts.Wide)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Kind, err)
	}
	var rows [][]string
	if !opts.NoHeaders {
		head := []string{"NAME"}
		if opts.AllNamespaces {
			head = []string{"NAMESPACE", "NAME"}
		}
		for _, c := range columns {
			head = append(head, strings.ToUpper(c.name))
		}
		rows = append(rows, head)
	}
	for i := range items {
		row := []string{items[i].GetName()}
		if opts.AllNamespaces {
			row = []string{items[i].GetNamespace(), items[i].GetName()}
		}
		for _, c := range columns {
			row = append(row, c.cell(items[i].Object, opts.Now))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// liveTable is a table that goes on: its columns never get narrower.
type liveTable struct {
	w        io.Writer
	resource resource
	widths   []int
}

func (t *liveTable) print(items []unstructured.Unstructured, opts tableOptions) error {
	opts.NoHeaders = opts.NoHeaders || t.widths != nil
	rows, err := tableRows(t.resource, items, opts)
	if err != nil {
		return err
	}
	for _, row := range rows {
		for i, cell := range row {
			if i == len(t.widths) {
				t.widths = append(t.widths, 0)
			}
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s", t.widths[i]+3, cell)
		}
		fmt.Fprintln(t.w, strings.TrimRight(line.String(), " "))
	}
	return nil
}

type column struct {
	name, kind string
	path       *jsonpath.JSONPath
}

func readColumns(defs []apiextensionsv1.CustomResourceColumnDefinition, wide bool) ([]column, error) {
	var out []column
	for _, d := range defs {
		if d.Priority > 0 && !wide {
			continue
		}
		path := jsonpath.New(d.Name).AllowMissingKeys(true)
		if err := path.Parse("{" + d.JSONPath + "}"); err != nil {
			return nil, fmt.Errorf("column %s: %w", d.Name, err)
		}
		out = append(out, column{d.Name, d.Type, path})
	}
	return out, nil
}

// cell is one value on one line; what is absent is empty, as in kubectl.
func (c column) cell(object map[string]any, now time.Time) string {
	var buf bytes.Buffer
	if err := c.path.Execute(&buf, object); err != nil {
		return ""
	}
	text := strings.Join(strings.Fields(printable(buf.String(), false)), " ")
	if c.kind != "date" || text == "" {
		return text
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return duration.HumanDuration(now.Sub(at))
}

// cutter cuts lines that are too long for a terminal. Tables have no escape
// sequences, so a character is a column, near enough.
type cutter struct {
	w     io.Writer
	width int
	line  []byte
}

// Write holds back the last line until it is whole.
func (c *cutter) Write(p []byte) (int, error) {
	c.line = append(c.line, p...)
	for {
		line, rest, whole := bytes.Cut(c.line, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		text := string(line)
		if r := []rune(text); len(r) > c.width {
			text = string(r[:c.width-1]) + "…"
		}
		c.line = rest
		if _, err := fmt.Fprintln(c.w, text); err != nil {
			return 0, err
		}
	}
}
