// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"slices"
	"strings"
)

// SetDefaults brings the spec to its canonical form.
func (a *Agent) SetDefaults(context.Context) { a.Spec.canonicalize() }

// canonicalize brings other spellings of a field to the canonical one, and the
// provider into the model. Limits stay empty: their defaults belong to the runner.
func (s *AgentSpec) canonicalize() {
	fold(&s.Instructions, &s.SystemPrompt)
	fold(&s.Instructions, &s.SystemPromptCamel)
	fold(&s.Instructions, &s.System)
	foldPointer(&s.MaxTokens, &s.MaxTokensCamel)
	foldPointer(&s.MaxIterations, &s.MaxIterationsCamel)
	foldPointer(&s.MaxContextMessages, &s.MaxContextMessagesCamel)
	foldList(&s.MCPServers, &s.MCPServersCamel)
	if len(s.OutputSchema) == 0 && len(s.OutputSchemaCamel) > 0 {
		s.OutputSchema, s.OutputSchemaCamel = s.OutputSchemaCamel, nil
	}
	s.foldProvider()
	if m := s.Memory; m != nil {
		m.Type = canonicalWord(m.Type, memoryTypes, memorySynonyms)
	}
}

// foldProvider writes the model as provider:model with the provider in lower
// case. A provider field beside a model that names another one stays, for
// Validate to refuse it.
func (s *AgentSpec) foldProvider() {
	s.Model = strings.TrimSpace(s.Model)
	s.Provider = strings.ToLower(strings.TrimSpace(s.Provider))
	provider, name, ok := strings.Cut(s.Model, ":")
	if known := strings.ToLower(provider); ok && slices.Contains(modelProviders, known) {
		s.Model = known + ":" + name
		if s.Provider == known {
			s.Provider = ""
		}
		return
	}
	if s.Provider != "" && s.Model != "" && !strings.Contains(s.Model, "${") {
		s.Model, s.Provider = s.Provider+":"+s.Model, ""
	}
}

// modelProviders are the prefixes a model may have.
var modelProviders = []string{
	"anthropic", "claude", "openai", "gpt", "google", "gemini", "groq", "ollama", "bedrock", "aws", "azure", "mock", "openrouter",
}

var memoryTypes = []MemoryType{MemoryInMemory, MemoryFile, MemorySQLite, MemoryPostgreSQL}

var memorySynonyms = map[string]MemoryType{
	"in_memory": MemoryInMemory,
	"in-memory": MemoryInMemory,
	"memory":    MemoryInMemory,
	"postgres":  MemoryPostgreSQL,
}
