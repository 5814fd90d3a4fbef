// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// Amend implements ledger.Store. The transaction keeps other writers out, so
// change is called once.
func (s *Store) Amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (*aofv1.FlowRun, error) {
	var amended *aofv1.FlowRun
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		run, seq, size, err := scanRun(tx.QueryRowContext(ctx, selectRun+" WHERE r.namespace = ? AND r.name = ?", namespace, name))
		if errors.Is(err, sql.ErrNoRows) {
			return ledger.ErrNotFound
		}
		if err != nil {
			return err
		}
		amended = run
		spec, changed, err := ledger.Amended(run.Spec, change)
		if err != nil || !changed {
			return err
		}
		run.Spec = spec
		run.Generation++
		return rewrite(ctx, tx, run, seq, size)
	})
	if err != nil {
		return nil, fmt.Errorf("amend run %s: %w", id(namespace, name), err)
	}
	return amended, nil
}

// rewrite stores a run's metadata and spec anew; size is what the whole run has
// taken so far.
func rewrite(ctx context.Context, tx *sql.Tx, run *aofv1.FlowRun, seq int64, size int) error {
	stored := run.DeepCopy()
	stored.Status, stored.ResourceVersion = aofv1.FlowRunStatus{}, ""
	delete(stored.Labels, ledger.LabelFolded)
	object, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
	}
	var before int
	if err := tx.QueryRowContext(ctx, "SELECT object_bytes FROM runs WHERE seq = ?", seq).Scan(&before); err != nil {
		return err
	}
	if size += len(object) - before; size > ledger.MaxRunBytes {
		return tooLarge(size)
	}
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE objects SET object = ? WHERE seq = ?", object, seq); err != nil {
		return err
	}
	run.ResourceVersion = strconv.FormatInt(revision, 10)
	_, err = tx.ExecContext(ctx, "UPDATE runs SET revision = ?, object_bytes = ? WHERE seq = ?", revision, len(object), seq)
	return err
}
