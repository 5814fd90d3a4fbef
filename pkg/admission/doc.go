// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission is what the admission webhook decides beyond the kinds' own
// validation, because it depends on who asks: whether a user may refer to an
// object in another namespace, who decided an approval or cancelled a run, and
// that nothing else of a run changes.
//
// It promises that a reference is refused unless RBAC lets the user read what it
// names (the message says what is missing), and that no user can decide in
// another's name. It knows no server and no TLS; cmd/webhook puts it behind
// both and is the only importer.
package admission
