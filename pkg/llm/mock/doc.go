// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mock is a model provider that needs no key and no network and gives
// the same replies every time, for tests, examples and trying things out.
//
// Two models exist: "mock:echo" repeats the last user message in one short
// line, "mock:<path>.yaml" answers from a script (see Script). Which files a
// path may name is decided by the fs.FS in llm.Options.
//
// Importers: pkg/llm/builtin and tests.
package mock
