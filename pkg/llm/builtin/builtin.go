// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/mock"
	"aof.dev/operator/pkg/llm/openai"
)

// Opener returns an llm.Opener with every provider that is built in: mock,
// openai, groq, ollama and openrouter.
func Opener(o llm.Options) *llm.Opener {
	return llm.NewOpener(o, append(openai.Builders(), mock.Builder())...)
}
