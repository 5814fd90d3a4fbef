// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llm

import "strings"

// DefaultProvider serves a model that is written without a provider.
const DefaultProvider = "anthropic"

// Ref is a parsed model reference.
type Ref struct {
	// Provider is the provider's name as written, in lower case.
	Provider string
	// Model is the model's name as the provider knows it. It may contain
	// colons ("llama3:8b").
	Model string
}

// String is the form that ParseRef reads: "provider:model".
func (r Ref) String() string { return r.Provider + ":" + r.Model }

// ParseRef splits "provider:model" at the first colon. A model without a
// provider belongs to DefaultProvider.
func ParseRef(s string) Ref {
	s = strings.TrimSpace(s)
	provider, model, found := strings.Cut(s, ":")
	if !found {
		return Ref{Provider: DefaultProvider, Model: s}
	}
	return Ref{Provider: strings.ToLower(strings.TrimSpace(provider)), Model: strings.TrimSpace(model)}
}

// Join builds the reference for a definition that has both a model and a
// provider field: a provider written in the model wins, since it is the more
// specific of the two, unless no provider of that name is known, in which case
// the colon belongs to the model's own name ("ollama" and "llama3:8b").
func Join(provider, model string) string {
	model = strings.TrimSpace(model)
	provider = strings.ToLower(strings.TrimSpace(provider))
	if provider == "" || model == "" {
		return model
	}
	if prefix, _, found := strings.Cut(model, ":"); found && Known(prefix) {
		return model
	}
	return provider + ":" + model
}

// Known tells whether name (or one of the aliases) is a provider that a model
// reference may name, built in or not.
func Known(name string) bool {
	_, ok := canonical(name)
	return ok
}

// canonical gives the one name that all aliases of a provider share.
func canonical(name string) (string, bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "anthropic", "claude":
		return "anthropic", true
	case "openai", "gpt":
		return "openai", true
	case "google", "gemini":
		return "google", true
	case "bedrock", "aws":
		return "bedrock", true
	case "groq":
		return "groq", true
	case "ollama":
		return "ollama", true
	case "openrouter":
		return "openrouter", true
	case "azure":
		return "azure", true
	case "mock":
		return "mock", true
	}
	return "", false
}
