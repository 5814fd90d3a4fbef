// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package document keeps the entries of business keys among the documents of a
// ledger, where there is no cluster to keep them. aof dev imports it.
package document

import (
	"context"
	"strconv"
	"strings"
	"time"

	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/once"
)

// kind is that of the documents.
const kind = "dedupe"

// Store keeps records as documents of a ledger.
type Store struct{ ledger ledger.Folder }

var _ once.Store = (*Store)(nil)

// New makes a Store.
func New(l ledger.Folder) *Store { return &Store{ledger: l} }

func key(namespace, name string) string { return namespace + "/" + name }

// Load implements once.Store.
func (s *Store) Load(ctx context.Context, namespace, name string) (r once.Record, found bool, err error) {
	err = s.ledger.View(ctx, func(docs ledger.Documents) error {
		found, err = docs.Load(kind, key(namespace, name), &r)
		return err
	})
	return r, found, err
}

// Save implements once.Store.
func (s *Store) Save(ctx context.Context, r *once.Record) error {
	next := *r
	err := s.ledger.Change(ctx, func(docs ledger.Documents) error {
		var stored once.Record
		if _, err := docs.Load(kind, key(r.Namespace, r.Name), &stored); err != nil {
			return err
		}
		if stored.Version != r.Version {
			return once.ErrConflict
		}
		// A version is never used twice, not even by a record that was removed and
		// written again: the time of the entry is part of it.
		count, _, _ := strings.Cut(r.Version, "@")
		n, _ := strconv.ParseInt(count, 10, 64) // none is the first
		next.Version = strconv.FormatInt(n+1, 10) + "@" + strconv.FormatInt(r.Entry.Claimed.UnixMicro(), 10)
		return docs.Save(kind, key(r.Namespace, r.Name), &next)
	})
	if err == nil {
		r.Version = next.Version
	}
	return err
}

// Sweep removes the records that are over, and says how many those were.
func (s *Store) Sweep(ctx context.Context, now time.Time) (removed int, err error) {
	err = s.ledger.Change(ctx, func(docs ledger.Documents) error {
		keys, err := docs.Keys(kind)
		if err != nil {
			return err
		}
		for _, k := range keys {
			var r once.Record
			if _, err := docs.Load(kind, k, &r); err != nil {
				return err
			}
			if !r.Entry.Expired(now) {
				continue
			}
			if err := docs.Remove(kind, k); err != nil {
				return err
			}
			removed++
		}
		return nil
	})
	return removed, err
}
