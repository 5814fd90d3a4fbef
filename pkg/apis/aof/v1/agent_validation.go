// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"slices"
	"strings"

	"knative.dev/pkg/apis"
)

// Validate refuses an agent that no model could be asked for.
func (a *Agent) Validate(context.Context) *apis.FieldError {
	return validateName(a.ObjectMeta).Also(a.Spec.validate().ViaField("spec"))
}

func (s *AgentSpec) validate() *apis.FieldError {
	errs := s.validateModel()
	if strings.TrimSpace(s.Instructions) == "" {
		errs = errs.Also(apis.ErrMissingField("instructions"))
	}
	if s.Temperature != nil && (*s.Temperature < 0 || *s.Temperature > 1) {
		errs = errs.Also(apis.ErrOutOfBoundsValue(*s.Temperature, 0, 1, "temperature"))
	}
	return errs.Also(
		validateText(s.Instructions, "instructions"),
		validateText(s.Description, "description"),
		validatePositive(s.MaxTokens, "max_tokens"),
		validatePositive(s.MaxIterations, "max_iterations"),
		validatePositive(s.MaxContextMessages, "max_context_messages"),
		s.validateTools(),
		s.Memory.validate().ViaField("memory"),
		s.validateMCPServers(),
		notBoth(s.SystemPrompt != "", "instructions", "system_prompt"),
		notBoth(s.SystemPromptCamel != "", "instructions", "systemPrompt"),
		notBoth(s.System != "", "instructions", "system"),
		notBoth(s.MaxTokensCamel != nil, "max_tokens", "maxTokens"),
		notBoth(s.MaxIterationsCamel != nil, "max_iterations", "maxIterations"),
		notBoth(s.MaxContextMessagesCamel != nil, "max_context_messages", "maxContextMessages"),
		notBoth(len(s.MCPServersCamel) > 0, "mcp_servers", "mcpServers"),
		notBoth(len(s.OutputSchemaCamel) > 0, "output_schema", "outputSchema"),
	)
}

func (s *AgentSpec) validateModel() *apis.FieldError {
	if s.Model == "" {
		return apis.ErrMissingField("model")
	}
	errs := validateTemplate(s.Model, "model")
	if len(s.Model) > MaxNameBytes {
		return errs.Also(unfit("model", "is too long"))
	}
	if isTemplate(s.Model) {
		return errs
	}
	provider, name, ok := strings.Cut(s.Model, ":")
	switch {
	case ok && !slices.Contains(modelProviders, provider):
		errs = errs.Also(invalid(s.Model, "model", "unknown provider; want provider:model with one of "+strings.Join(modelProviders, ", ")))
	case ok && strings.TrimSpace(name) == "":
		errs = errs.Also(invalid(s.Model, "model", "want provider:model"))
	case strings.ContainsAny(s.Model, " \t\r\n"):
		errs = errs.Also(invalid(s.Model, "model", "the name of a model has no spaces"))
	}
	if s.Provider != "" {
		errs = errs.Also(invalid(s.Provider, "provider", "the model names another provider"))
	}
	return errs
}

func (s *AgentSpec) validateTools() *apis.FieldError {
	return eachOf(len(s.Tools), MaxListItems, "tools", func(i int) *apis.FieldError {
		tool, at := s.Tools[i], index("tools", i)
		if tool["name"] == nil && tool["type"] == nil {
			return apis.ErrMissingOneOf(at+".name", at+".type")
		}
		var errs *apis.FieldError
		for _, key := range []string{"name", "type"} {
			if value, ok := tool[key]; ok {
				if text, isText := value.(string); !isText || strings.TrimSpace(text) == "" {
					errs = errs.Also(unfit(at+"."+key, "must be a text that is not empty"))
				}
			}
		}
		return errs
	})
}

func (s *AgentSpec) validateMCPServers() *apis.FieldError {
	seen := map[string]int{}
	return eachOf(len(s.MCPServers), MaxListItems, "mcp_servers", func(i int) *apis.FieldError {
		server, at := s.MCPServers[i], index("mcp_servers", i)
		var errs *apis.FieldError
		name := stringAt(server, "name")
		if name == "" {
			errs = errs.Also(apis.ErrMissingField(at + ".name"))
		} else if first, twice := seen[name]; twice {
			errs = errs.Also(invalid(name, at+".name", "is the name of "+index("mcp_servers", first)+" already"))
		} else {
			seen[name] = i
		}
		if server["command"] == nil && server["endpoint"] == nil && server["url"] == nil {
			errs = errs.Also(apis.ErrMissingOneOf(at+".command", at+".endpoint"))
		}
		return errs
	})
}

func (m *AgentMemory) validate() *apis.FieldError {
	if m == nil {
		return nil
	}
	if m.Type == "" {
		return apis.ErrMissingField("type")
	}
	errs := validateWord(m.Type, memoryTypes, "type")
	if value, ok := m.Config["max_messages"]; ok {
		if n, isNumber := value.(int64); !isNumber || n < 1 {
			errs = errs.Also(unfit("config.max_messages", "must be a whole number, 1 or more"))
		}
	}
	return errs
}
