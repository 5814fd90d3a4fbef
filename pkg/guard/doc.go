// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guard decides what people and Contexts may forbid: whether an
// approval is given, and by whom. It is pure: rule, wait, decisions and time go
// in, the outcome and an answer for everybody who decided come out, so whoever
// asks (the runner, the API of `aof dev`, a button's handler) gets the same.
//
// Any package of the module may import it. It has no I/O and imports none of the
// module's packages.
package guard
