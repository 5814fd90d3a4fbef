// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package secretref puts credentials into the configuration of a Trigger, for
// clusters and for `aof dev` by the same rule: ${NAME} in a text, or {secretKeyRef:
// {name: aof-credentials, key: NAME}} in the place of one. A credential that is
// missing or empty, and has no default, is an error and not nothing: a webhook
// without its secret would let everybody in.
//
// It has no I/O: the caller says where credentials are. Whoever reads a Trigger's
// configuration may import it.
package secretref
