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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// The values of the column fold.
const (
	foldNotFinal = 0
	foldDue      = 1
	foldDone     = 2
)

// Create implements ledger.Store.
func (s *Store) Create(ctx context.Context, run *aofv1.FlowRun) error {
	if err := s.create(ctx, run); err != nil {
		return fmt.Errorf("create run %s: %w", id(run.Namespace, run.Name), err)
	}
	return nil
}

func (s *Store) create(ctx context.Context, run *aofv1.FlowRun) error {
	if err := checkNew(run); err != nil {
		return err
	}
	stored := run.DeepCopy()
	stored.TypeMeta = typeMeta()
	stored.UID = s.options.NewUID()
	stored.Generation = 1
	stored.CreationTimestamp = metav1.NewTime(s.options.Clock.Now()).Rfc3339Copy()
	delete(stored.Labels, ledger.LabelFolded)
	status, err := json.Marshal(stored.Status)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
	}
	bare := *stored
	bare.Status = aofv1.FlowRunStatus{}
	object, err := json.Marshal(&bare)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
	}
	if size := len(object) + len(status); size > ledger.MaxRunBytes {
		return tooLarge(size)
	}
	var revision int64
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		return insert(ctx, tx, stored, revision, object, status)
	})
	if err != nil {
		return err
	}
	stored.ResourceVersion = strconv.FormatInt(revision, 10)
	*run = *stored
	return nil
}

func insert(ctx context.Context, tx *sql.Tx, run *aofv1.FlowRun, revision int64, object, status []byte) error {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO runs (namespace, name, revision, flow, binding, source, phase, fold, object_bytes, status)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		run.Namespace, run.Name, revision, run.Spec.Flow.Name, refName(run.Spec.Binding), refName(run.Spec.Trigger),
		string(phaseOf(run)), foldOf(run), len(object), status)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ledger.ErrExists)
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO objects (seq, object) VALUES (?, ?)", seq, object)
	return err
}

// checkNew refuses what an API server would refuse.
func checkNew(run *aofv1.FlowRun) error {
	switch {
	case run.ResourceVersion != "":
		return fmt.Errorf("%w: a new run has no resourceVersion", ledger.ErrInvalid)
	case len(validation.IsDNS1123Subdomain(run.Name)) > 0:
		return fmt.Errorf("%w: metadata.name must be a DNS-1123 subdomain", ledger.ErrInvalid)
	case len(validation.IsDNS1123Label(run.Namespace)) > 0:
		return fmt.Errorf("%w: metadata.namespace must be a DNS-1123 label", ledger.ErrInvalid)
	}
	return nil
}

// selectRun begins every query that reads whole runs.
const selectRun = "SELECT r.seq, r.revision, r.fold, o.object, r.status FROM runs r JOIN objects o ON o.seq = r.seq"

// scanner is a row or rows.
type scanner interface{ Scan(into ...any) error }

// scanRun reads one row of selectRun.
func scanRun(row scanner) (run *aofv1.FlowRun, seq int64, size int, err error) {
	var revision int64
	var fold int
	var object, status []byte
	if err := row.Scan(&seq, &revision, &fold, &object, &status); err != nil {
		return nil, 0, 0, err
	}
	run = &aofv1.FlowRun{}
	if err := json.Unmarshal(object, run); err != nil {
		return nil, 0, 0, fmt.Errorf("stored run %d: %w", seq, err)
	}
	if err := json.Unmarshal(status, &run.Status); err != nil {
		return nil, 0, 0, fmt.Errorf("stored status of run %d: %w", seq, err)
	}
	run.ResourceVersion = strconv.FormatInt(revision, 10)
	if fold == foldDone {
		metav1.SetMetaDataLabel(&run.ObjectMeta, ledger.LabelFolded, "true")
	}
	return run, seq, len(object) + len(status), nil
}

// Get implements ledger.Store.
func (s *Store) Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	row := s.read.QueryRowContext(ctx, selectRun+" WHERE r.namespace = ? AND r.name = ?", namespace, name)
	run, _, _, err := scanRun(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get run %s: %w", id(namespace, name), err)
	}
	return run, nil
}

// Update implements ledger.Store.
func (s *Store) Update(ctx context.Context, run *aofv1.FlowRun) error {
	revision, err := s.update(ctx, run)
	if err != nil {
		return fmt.Errorf("update run %s: %w", id(run.Namespace, run.Name), err)
	}
	run.ResourceVersion = strconv.FormatInt(revision, 10)
	return nil
}

func (s *Store) update(ctx context.Context, run *aofv1.FlowRun) (revision int64, err error) {
	if run.ResourceVersion == "" {
		return 0, fmt.Errorf("%w: no resourceVersion", ledger.ErrInvalid)
	}
	read, err := strconv.ParseInt(run.ResourceVersion, 10, 64)
	if err != nil {
		return 0, ledger.ErrConflict // not a version of this store
	}
	status, err := json.Marshal(run.Status)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if err := checkStored(ctx, tx, run, read, len(status)); err != nil {
			return err
		}
		if revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE runs SET revision = ?, phase = ?, status = ?, fold = CASE fold WHEN 2 THEN 2 ELSE ? END
			WHERE namespace = ? AND name = ?`,
			revision, string(phaseOf(run)), status, foldOf(run), run.Namespace, run.Name)
		return err
	})
	return revision, err
}

// checkStored makes sure that the stored run is the one that was read.
func checkStored(ctx context.Context, tx *sql.Tx, run *aofv1.FlowRun, read int64, statusBytes int) error {
	var revision int64
	var objectBytes int
	err := tx.QueryRowContext(ctx, "SELECT revision, object_bytes FROM runs WHERE namespace = ? AND name = ?",
		run.Namespace, run.Name).Scan(&revision, &objectBytes)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ledger.ErrNotFound
	case err != nil:
		return err
	case revision != read:
		return ledger.ErrConflict
	case objectBytes+statusBytes > ledger.MaxRunBytes:
		return tooLarge(objectBytes + statusBytes)
	}
	return nil
}

// Delete implements ledger.Store.
func (s *Store) Delete(ctx context.Context, namespace, name string) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := nextRevision(ctx, tx); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE namespace = ? AND name = ?", namespace, name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ledger.ErrNotFound)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete run %s: %w", id(namespace, name), err)
	}
	return nil
}

func phaseOf(run *aofv1.FlowRun) aofv1.FlowRunPhase {
	if run.Status.Phase == "" {
		return aofv1.FlowRunPhasePending
	}
	return run.Status.Phase
}

// foldOf is whether a run that was not folded yet is to be.
func foldOf(run *aofv1.FlowRun) int {
	if phaseOf(run).IsFinal() {
		return foldDue
	}
	return foldNotFinal
}

func refName(r *aofv1.ObjectReference) string {
	if r == nil {
		return ""
	}
	return r.Name
}

func typeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRun"}
}

func tooLarge(size int) error {
	return fmt.Errorf("%w: %d bytes, the limit is %d", ledger.ErrTooLarge, size, ledger.MaxRunBytes)
}

// id names a run in errors, which names that are no names don't blow up.
func id(namespace, name string) string {
	const limit = 253
	if len(namespace) > limit || len(name) > limit {
		return "with an overlong name"
	}
	return namespace + "/" + name
}
