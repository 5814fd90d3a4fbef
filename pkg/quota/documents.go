// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"encoding/json"
	"strconv"

	"aof.dev/operator/pkg/ledger"
)

// Documents keeps documents in an embedded ledger, where several processes may
// have it open.
type Documents struct{ Ledger ledger.Folder }

var _ Store = Documents{}

// stored is a document with its version.
type stored struct {
	Version  int64           `json:"version"`
	Document json.RawMessage `json:"document"`
}

// DocumentKind is what documents of a kind are called in a ledger.
func DocumentKind(kind Kind) string { return "quota/" + string(kind) }

func kindOf(key Key) string { return DocumentKind(key.Kind) }

func nameOf(key Key) string { return key.Namespace + "/" + key.Name }

// Load implements Store.
func (d Documents) Load(ctx context.Context, key Key) (document []byte, version string, err error) {
	var have stored
	err = d.Ledger.View(ctx, func(docs ledger.Documents) error {
		_, err := docs.Load(kindOf(key), nameOf(key), &have)
		return err
	})
	return have.Document, strconv.FormatInt(have.Version, 10), err
}

// Save implements Store.
func (d Documents) Save(ctx context.Context, key Key, document []byte, version string) (string, error) {
	var have stored
	err := d.Ledger.Change(ctx, func(docs ledger.Documents) error {
		have = stored{}
		if _, err := docs.Load(kindOf(key), nameOf(key), &have); err != nil {
			return err
		}
		if strconv.FormatInt(have.Version, 10) != version {
			return ErrConflict
		}
		have.Version++
		have.Document = document
		return docs.Save(kindOf(key), nameOf(key), &have)
	})
	return strconv.FormatInt(have.Version, 10), err
}
