// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package builtin lists the model providers that are compiled into the
// product. It is the one place to add a provider; composition roots and tests
// import it, nothing below them does.
package builtin
