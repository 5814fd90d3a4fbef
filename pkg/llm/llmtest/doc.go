// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package llmtest tests model providers: Conformance is what every llm.Provider
// has to do, and Server is a fake service that speaks OpenAI's chat completions
// format, checks what it is sent and answers from a script.
//
// Only tests import it.
package llmtest
