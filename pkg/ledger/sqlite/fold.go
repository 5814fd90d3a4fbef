// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// Fold implements ledger.Folder.
func (s *Store) Fold(ctx context.Context, limit int, fn func(ledger.Documents, *aofv1.FlowRun) error) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("fold runs: %w: limit is %d", ledger.ErrInvalid, limit)
	}
	due := 0
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		seqs, err := dueRuns(ctx, tx, limit)
		if err != nil || len(seqs) == 0 {
			return err
		}
		due = len(seqs)
		revision, err := nextRevision(ctx, tx)
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			run, _, _, err := scanRun(tx.QueryRowContext(ctx, selectRun+" WHERE r.seq = ?", seq))
			if err != nil {
				return err
			}
			if err := fn(documents{ctx: ctx, tx: tx}, run); err != nil {
				return fmt.Errorf("%s: %w", id(run.Namespace, run.Name), err)
			}
			if _, err := tx.ExecContext(ctx, "UPDATE runs SET fold = ?, revision = ? WHERE seq = ?", foldDone, revision, seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("fold runs: %w", err)
	}
	return due, nil
}

func dueRuns(ctx context.Context, tx *sql.Tx, limit int) (seqs []int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT seq FROM runs WHERE fold = 1 ORDER BY revision LIMIT ?", limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs = append(seqs, seq)
	}
	return seqs, rows.Err()
}

// Change implements ledger.Folder.
func (s *Store) Change(ctx context.Context, fn func(ledger.Documents) error) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error { return fn(documents{ctx: ctx, tx: tx}) })
	if err != nil {
		return fmt.Errorf("change documents: %w", err)
	}
	return nil
}

// View implements ledger.Folder.
func (s *Store) View(ctx context.Context, fn func(ledger.Documents) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("view documents: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	if err := fn(documents{ctx: ctx, tx: tx}); err != nil {
		return fmt.Errorf("view documents: %w", err)
	}
	return nil
}

// documents are the documents in one transaction.
type documents struct {
	ctx context.Context //nolint:containedctx // the transaction's, and lives as long
	tx  *sql.Tx
}

// Load implements ledger.Documents.
func (d documents) Load(kind, key string, into any) (bool, error) {
	var value []byte
	err := d.tx.QueryRowContext(d.ctx, "SELECT value FROM documents WHERE kind = ? AND key = ?", kind, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(value, into)
	}
	if err != nil {
		return false, fmt.Errorf("load document %s %s: %w", kind, key, err)
	}
	return true, nil
}

// Save implements ledger.Documents.
func (d documents) Save(kind, key string, value any) error {
	text, err := json.Marshal(value)
	if err == nil && len(text) > ledger.MaxRunBytes {
		err = tooLarge(len(text))
	}
	if err == nil {
		_, err = d.tx.ExecContext(d.ctx, `
			INSERT INTO documents (kind, key, value) VALUES (?, ?, ?)
			ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value`, kind, key, text)
	}
	if err != nil {
		return fmt.Errorf("save document %s %s: %w", kind, key, err)
	}
	return nil
}

// Remove implements ledger.Documents.
func (d documents) Remove(kind, key string) error {
	if _, err := d.tx.ExecContext(d.ctx, "DELETE FROM documents WHERE kind = ? AND key = ?", kind, key); err != nil {
		return fmt.Errorf("remove document %s %s: %w", kind, key, err)
	}
	return nil
}

// Keys implements ledger.Documents.
func (d documents) Keys(kind string) ([]string, error) {
	rows, err := d.tx.QueryContext(d.ctx, "SELECT key FROM documents WHERE kind = ? ORDER BY key", kind)
	if err != nil {
		return nil, fmt.Errorf("list documents %s: %w", kind, err)
	}
	defer func() { _ = rows.Close() }()
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("list documents %s: %w", kind, err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
