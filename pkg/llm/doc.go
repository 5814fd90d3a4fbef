// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package llm is the product's view of a language model: one method,
// Generate, behind which every provider stands, and the Opener that turns a
// model reference such as "openai:gpt-4o" into a provider.
//
// It promises that an error from a provider is an *Error whose Kind says what
// to do about it, that no error carries an API key or a whole prompt, and that
// importing it, or opening a provider, does no network traffic.
//
// The package knows no provider: those are in its subpackages, which import it,
// and pkg/llm/builtin lists the ones that are compiled in. Agents (pkg/agent),
// the composition roots and tests may import it.
package llm
