// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openai is the model provider for OpenAI and for the services that
// speak its chat completions format: Groq, Ollama and OpenRouter, or anything
// else behind OPENAI_BASE_URL. The wire format and the retries (which obey
// Retry-After) are the official SDK's.
//
// It promises that a key appears in no error, that redirects are not followed,
// that a call and a reply are bounded, and that nothing but llm.Options decides
// where a request goes (the SDK's own look at the process environment is off).
//
// Importers: pkg/llm/builtin and tests.
package openai
