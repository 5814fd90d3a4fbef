// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// Sizes of a run's name: a DNS label, so that it can be a label's value too.
const (
	maxNameBytes = 63
	hashBytes    = 16 // of the digest; 26 characters
)

// nameEncoding has only characters that a DNS label may have.
var nameEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// RunName is the name of the run of one binding for one event: a readable
// prefix (usually the binding's name) and a digest of binding UID, event source
// and event ID. Equal arguments give equal names, and that is the claim: the
// same event can't run twice for one binding. Each part goes into the digest
// with its length before it, so no two triples can be spelled the same way.
//
// The name is a DNS-1123 label whatever the prefix is; characters that can't be
// in one become "-".
func RunName(prefix, bindingUID, eventSource, eventID string) string {
	h := sha256.New()
	for _, part := range []string{bindingUID, eventSource, eventID} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	digest := nameEncoding.EncodeToString(h.Sum(nil)[:hashBytes])
	return label(prefix, maxNameBytes-1-len(digest)) + "-" + digest
}

// label makes a DNS label of at most limit characters out of s; "run" when
// nothing of it is left.
func label(s string, limit int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if b.Len() >= limit {
			break
		}
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			b.WriteRune(r)
		} else if b.Len() > 0 {
			b.WriteByte('-')
		}
	}
	if l := strings.Trim(b.String(), "-"); l != "" {
		return l
	}
	return "run"
}
