// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// maxPageBytes ends a page early, so that a page of large runs fits in memory.
const maxPageBytes = 32 << 20

// cursor is where a page ended; it goes to the caller as continue token.
type cursor struct {
	Seq       int64  `json:"q,omitempty"`
	Namespace string `json:"ns,omitempty"`
	Name      string `json:"n,omitempty"`
}

// List implements ledger.Store.
func (s *Store) List(ctx context.Context, o ledger.ListOptions) (*aofv1.FlowRunList, error) {
	list, err := s.list(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return list, nil
}

func (s *Store) list(ctx context.Context, o ledger.ListOptions) (*aofv1.FlowRunList, error) {
	limit, err := o.PageSize()
	if err != nil {
		return nil, err
	}
	o.Limit = 0 // the next page may be of another size
	after := &cursor{}
	if found, err := o.Place(after); err != nil {
		return nil, err
	} else if !found {
		after = nil
	}
	// One transaction, so that the list's version is the one of its items.
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	list := &aofv1.FlowRunList{
		TypeMeta: metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRunList"},
		Items:    []aofv1.FlowRun{},
	}
	var revision int64
	if err := tx.QueryRowContext(ctx, "SELECT value FROM revision").Scan(&revision); err != nil {
		return nil, err
	}
	list.ResourceVersion = strconv.FormatInt(revision, 10)
	query, args := listQuery(o, after, limit+1)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var last cursor
	bytes := 0
	for rows.Next() {
		if len(list.Items) == limit || bytes > maxPageBytes {
			if list.Continue, err = o.Token(last); err != nil {
				return nil, err
			}
			break
		}
		run, seq, size, err := scanRun(rows)
		if err != nil {
			return nil, err
		}
		bytes += size
		last = cursor{Seq: seq, Namespace: run.Namespace, Name: run.Name}
		list.Items = append(list.Items, *run)
	}
	return list, rows.Err()
}

// listQuery writes the query for one page. Only constants go into its text.
func listQuery(o ledger.ListOptions, after *cursor, limit int) (query string, args []any) {
	var where []string
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	for _, equal := range []struct{ column, value string }{
		{"r.namespace = ?", o.Namespace}, {"r.flow = ?", o.Flow}, {"r.binding = ?", o.Binding}, {"r.source = ?", o.Trigger},
	} {
		if equal.value != "" {
			add(equal.column, equal.value)
		}
	}
	if len(o.Phases) > 0 {
		phases := make([]any, len(o.Phases))
		for i, p := range o.Phases {
			phases[i] = string(p)
		}
		add("r.phase IN (?"+strings.Repeat(", ?", len(phases)-1)+")", phases...)
	}
	order := " ORDER BY r.namespace, r.name"
	if o.NewestFirst {
		order = " ORDER BY r.seq DESC"
	}
	switch {
	case after == nil:
	case o.NewestFirst:
		add("r.seq < ?", after.Seq)
	default:
		add("(r.namespace, r.name) > (?, ?)", after.Namespace, after.Name)
	}
	query = selectRun
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	return query + order + " LIMIT ?", append(args, limit)
}
