// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"aof.dev/operator/pkg/ledger"
)

// FileName is the name of the database in its directory.
const FileName = "runs.db"

// Synchronous says when a write counts as done.
type Synchronous string

// The values of Options.Synchronous.
const (
	// Full: when it is on the disk. What was acknowledged survives a power cut.
	Full Synchronous = "FULL"
	// Normal: when the operating system has it. What was acknowledged survives
	// the process's crash; a power cut may take the last writes, never more.
	Normal Synchronous = "NORMAL"
)

// Options of Open. The zero value is what one wants in production.
type Options struct {
	// Synchronous is Full by default.
	Synchronous Synchronous
	// Clock gives creation timestamps; the system's by default.
	Clock clock.PassiveClock
	// NewUID gives UIDs; random ones by default.
	NewUID func() types.UID
}

// schemaVersion is the version of the statements in schema. A file of a later
// version is refused, not touched.
const schemaVersion = 1

// schema makes a new database. Events can be large and never change, statuses
// change often: they are in tables of their own so that a checkpoint doesn't
// write the event again. revision counts writes, as a cluster's store does.
const schema = `
CREATE TABLE revision (value INTEGER NOT NULL);
INSERT INTO revision VALUES (0);
CREATE TABLE runs (
	seq          INTEGER PRIMARY KEY AUTOINCREMENT,
	namespace    TEXT NOT NULL,
	name         TEXT NOT NULL,
	revision     INTEGER NOT NULL,
	flow         TEXT NOT NULL,
	binding      TEXT NOT NULL,
	source       TEXT NOT NULL,
	phase        TEXT NOT NULL,
	fold         INTEGER NOT NULL DEFAULT 0, -- 0 not final, 1 to be folded, 2 folded
	object_bytes INTEGER NOT NULL,
	status       BLOB NOT NULL,
	UNIQUE (namespace, name)
);
CREATE INDEX runs_by_flow    ON runs (flow, seq);
CREATE INDEX runs_by_binding ON runs (binding, seq);
CREATE INDEX runs_by_source  ON runs (source, seq);
CREATE INDEX runs_by_phase   ON runs (phase, seq);
CREATE INDEX runs_to_fold    ON runs (revision) WHERE fold = 1;
CREATE TABLE objects (
	seq    INTEGER PRIMARY KEY REFERENCES runs (seq) ON DELETE CASCADE,
	object BLOB NOT NULL
);
CREATE TABLE documents (
	kind  TEXT NOT NULL,
	key   TEXT NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (kind, key)
) WITHOUT ROWID;
PRAGMA user_version = 1;
`

// maxReaders bounds the connections for reading.
const maxReaders = 4

// Store is the embedded ledger. Close it when done.
type Store struct {
	options Options
	write   *sql.DB // one connection, so writers queue here and not in SQLite
	read    *sql.DB
}

var _ ledger.Folder = (*Store)(nil)

// Open opens the ledger in directory dir and makes both if they aren't there;
// the file can be read by its owner only.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	if o.Synchronous == "" {
		o.Synchronous = Full
	}
	if o.Synchronous != Full && o.Synchronous != Normal {
		return nil, fmt.Errorf("open ledger: synchronous is %q, want FULL or NORMAL", string(o.Synchronous))
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.NewUID == nil {
		o.NewUID = uuid.NewUUID
	}
	file, err := prepare(dir)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	s := &Store{options: o}
	if s.write, err = open(file, o.Synchronous, "&_txlock=immediate", 1); err != nil {
		return nil, err
	}
	if s.read, err = open(file, o.Synchronous, "&_pragma=query_only(1)", maxReaders); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", file, err), s.Close())
	}
	return s, nil
}

// prepare makes sure that the file is there and private, and gives its path.
func prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file := filepath.Join(dir, FileName)
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	return file, f.Close()
}

func open(file string, sync Synchronous, extra string, connections int) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Path: file}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)" +
		"&_pragma=synchronous(" + string(sync) + ")" + extra
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// migrate brings the file to the current schema.
func (s *Store) migrate(ctx context.Context) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		switch {
		case version == schemaVersion:
			return nil
		case version > schemaVersion:
			return fmt.Errorf("the file has schema version %d, this program knows %d: it was written by a later release", version, schemaVersion)
		}
		_, err := tx.ExecContext(ctx, schema)
		return err
	})
}

// Close closes the file. Closing twice is safe.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// inTx runs fn in a writing transaction and commits it when fn succeeds.
func (s *Store) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit; undoes on a panic too
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// nextRevision counts one write.
func nextRevision(ctx context.Context, tx *sql.Tx) (int64, error) {
	var revision int64
	err := tx.QueryRowContext(ctx, "UPDATE revision SET value = value + 1 RETURNING value").Scan(&revision)
	return revision, err
}
