// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package openai

import (
	"net/url"
	"strings"

	"aof.dev/operator/pkg/llm"
)

const nameOpenAI = "openai"

// service is one place that speaks the format, and where its settings are.
type service struct {
	name    string
	keyEnv  string
	baseEnv string
	base    string
	// key is used when keyEnv is not set; empty means that a key is needed.
	key string
	// rootEnv says that baseEnv may lack the "/v1" (as OLLAMA_HOST does).
	rootEnv bool
}

func services() []service {
	return []service{
		{name: nameOpenAI, keyEnv: "OPENAI_API_KEY", baseEnv: "OPENAI_BASE_URL", base: "https://api.openai.com/v1"},
		{name: "groq", keyEnv: "GROQ_API_KEY", baseEnv: "GROQ_BASE_URL", base: "https://api.groq.com/openai/v1"},
		{name: "ollama", keyEnv: "OLLAMA_API_KEY", baseEnv: "OLLAMA_HOST", base: "http://localhost:11434/v1", key: "ollama", rootEnv: true},
		{name: "openrouter", keyEnv: "OPENROUTER_API_KEY", baseEnv: "OPENROUTER_BASE_URL", base: "https://openrouter.ai/api/v1"},
	}
}

// Builders gives the providers openai, groq, ollama and openrouter to an
// llm.Opener.
//
// Each reads <NAME>_API_KEY and <NAME>_BASE_URL (Ollama: OLLAMA_HOST, with or
// without scheme and /v1; its key is optional).
func Builders() []llm.Builder {
	var bs []llm.Builder
	for _, s := range services() {
		bs = append(bs, llm.Builder{Name: s.name, Build: s.build})
	}
	return bs
}

func (s service) build(o llm.Options, _ string) (llm.Provider, error) {
	base, err := s.baseURL(o)
	if err != nil {
		return nil, err
	}
	key := strings.TrimSpace(o.Env(s.keyEnv))
	if key == "" {
		key = s.key
	}
	if key == "" {
		return nil, llm.NewError(llm.Auth, s.name, "no API key: set %s, or %s=mock:echo to try things without one", s.keyEnv, llm.ModelEnv)
	}
	return New(Config{Name: s.name, BaseURL: base, Key: key, KeyEnv: s.keyEnv, HTTPClient: o.HTTPClient})
}

// baseURL is where requests go. What the variable says is not repeated in
// errors, since URLs can hold passwords.
func (s service) baseURL(o llm.Options) (string, error) {
	base := strings.TrimSpace(o.Env(s.baseEnv))
	if base == "" {
		return s.base, nil
	}
	if s.rootEnv && !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", llm.NewError(llm.BadRequest, s.name, "%s is not an http(s) URL", s.baseEnv)
	}
	if s.rootEnv && strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1"
	}
	return u.String(), nil
}
