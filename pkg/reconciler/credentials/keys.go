// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	corelisters "k8s.io/client-go/listers/core/v1"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/secretref"
)

// envModel replaces every model of the namespace when it is among the
// credentials; pkg/llm reads it.
const envModel = "AOF_MODEL"

// Keys are the names of the credentials that a namespace has. The zero value is a
// namespace without a Secret.
type Keys struct {
	names sets.Set[string]
	// model replaces every agent's model, if set.
	model string
}

// KeysOf makes Keys of names, for tests and for what is known otherwise.
func KeysOf(keys ...string) Keys { return Keys{names: sets.New(keys...)} }

// In gives the credentials of a namespace; none when it has no such Secret.
func In(secrets corelisters.SecretLister, namespace string) (Keys, error) {
	secret, err := secrets.Secrets(namespace).Get(names.Credentials)
	if apierrors.IsNotFound(err) {
		return Keys{}, nil
	}
	if err != nil {
		return Keys{}, fmt.Errorf("get Secret %s: %w", names.Credentials, err)
	}
	return Keys{names: sets.KeySet(secret.Data), model: strings.TrimSpace(string(secret.Data[envModel]))}, nil
}

// Has says whether there is a credential of that name.
func (k Keys) Has(name string) bool { return k.names.Has(name) }

// Missing lists the names that a configuration refers to as ${NAME} and that are
// not there, sorted. A reference with a default is content without.
func (k Keys) Missing(config any) []string { return secretref.Missing(config, k.Has) }

// provider is a service that models are asked of.
type provider struct {
	aliases []string
	// keys of which one must be there; none when the provider asks for none.
	keys []string
}

// providers mirrors what pkg/llm reads from the environment. A reconciler does
// not import that package: it holds the clients of all of them.
var providers = []provider{
	{aliases: []string{"anthropic", "claude"}, keys: []string{"ANTHROPIC_API_KEY"}},
	{aliases: []string{"openai", "gpt"}, keys: []string{"OPENAI_API_KEY"}},
	{aliases: []string{"google", "gemini"}, keys: []string{"GOOGLE_API_KEY", "GEMINI_API_KEY"}},
	{aliases: []string{"groq"}, keys: []string{"GROQ_API_KEY"}},
	{aliases: []string{"openrouter"}, keys: []string{"OPENROUTER_API_KEY"}},
	{aliases: []string{"bedrock", "aws"}, keys: []string{"AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK"}},
	{aliases: []string{"azure"}, keys: []string{"AZURE_OPENAI_API_KEY"}},
	{aliases: []string{"ollama"}},
	{aliases: []string{"mock"}},
}

// defaultProvider serves a model that names none.
const defaultProvider = "anthropic"

// MissingError says which credential a model lacks.
type MissingError struct {
	// Names of which one would do, as a message shows them.
	Names string
	// NoSecret says that the namespace has no credentials at all. Then those of
	// the namespace that the agent works for may do.
	NoSecret bool
}

// Error says what to put where.
func (e *MissingError) Error() string {
	if e.NoSecret {
		return fmt.Sprintf("the model needs %s; the namespace has no Secret %s, so it depends on the namespace of the binding", e.Names, names.Credentials)
	}
	return fmt.Sprintf("the model needs %s, which Secret %s of the namespace does not have", e.Names, names.Credentials)
}

// ErrUnknownProvider says that nobody knows who serves a model.
var ErrUnknownProvider = errors.New("the model names no provider that is known")

// ForModel says what is missing for a model: ErrUnknownProvider, or a
// *MissingError.
func (k Keys) ForModel(model, providerField string) error {
	if k.model != "" {
		model, providerField = k.model, ""
	}
	p := find(model, providerField)
	switch {
	case p == nil:
		return ErrUnknownProvider
	case len(p.keys) == 0 || slices.ContainsFunc(p.keys, k.Has):
		return nil
	default:
		return &MissingError{Names: strings.Join(p.keys, " or "), NoSecret: k.names == nil}
	}
}

func find(model, providerField string) *provider {
	prefix, _, hasPrefix := strings.Cut(model, ":")
	if hasPrefix {
		if p := named(prefix); p != nil {
			return p
		}
	}
	switch {
	case providerField != "":
		return named(providerField)
	case hasPrefix:
		return nil
	default:
		return named(defaultProvider)
	}
}

func named(name string) *provider {
	name = strings.ToLower(strings.TrimSpace(name))
	for i := range providers {
		if slices.Contains(providers[i].aliases, name) {
			return &providers[i]
		}
	}
	return nil
}
