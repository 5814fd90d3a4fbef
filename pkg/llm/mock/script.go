// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package mock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/llm"
)

// Bounds of a script.
const (
	maxScriptBytes = 1 << 20
	maxRules       = 1000
)

// Script is a reply script. The first rule that matches and is not used up
// answers; when none does, Default answers; without one the call is an error.
type Script struct {
	Rules   []Rule `yaml:"rules"`
	Default *Rule  `yaml:"default"`
}

// Rule is what to say when. All conditions that are given must hold; exactly
// one of Reply, JSON, Error and Hang says what happens.
type Rule struct {
	// Agent is the exact name of the agent that asks.
	Agent string `yaml:"agent"`
	// Model is the exact model reference in the agent's definition.
	Model string `yaml:"model"`
	// Contains must be part of the last user message or the system text, in
	// any case.
	Contains string `yaml:"contains"`
	// Matches is an RE2 expression that must match the last user message or
	// the system text.
	Matches string `yaml:"matches"`
	// Times is how often the rule answers before the ones behind it get their
	// turn; 0 is always.
	Times int `yaml:"times"`

	// Reply is the reply's text, as it stands.
	Reply *string `yaml:"reply"`
	// JSON is a reply given as data: compact, with sorted keys.
	JSON any `yaml:"json"`
	// Error makes the call fail.
	Error *Failure `yaml:"error"`
	// Hang makes the call last until its context ends.
	Hang bool `yaml:"hang"`

	// Usage replaces the counted tokens.
	Usage *Usage `yaml:"usage"`
	// StopReason replaces "stop".
	StopReason string `yaml:"stop_reason"`

	pattern *regexp.Regexp
	text    string
}

// Usage is a scripted token count.
type Usage struct {
	InputTokens  int64 `yaml:"input_tokens"`
	OutputTokens int64 `yaml:"output_tokens"`
}

// Failure is a scripted error.
type Failure struct {
	// Kind is an llm.Kind, in any case.
	Kind string `yaml:"kind"`
	// Message is the error's text.
	Message string `yaml:"message"`
	// Retryable replaces the kind's own advice.
	Retryable *bool `yaml:"retryable"`

	kind llm.Kind
}

// ReadScript reads and checks the script at name in files. Errors say which
// rule is wrong.
func ReadScript(files fs.FS, name string) (*Script, error) {
	if files == nil {
		return nil, errors.New("no place to read scripts from is configured")
	}
	f, err := files.Open(path.Clean(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxScriptBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxScriptBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxScriptBytes)
	}
	return ParseScript(data)
}

// ParseScript reads a script from YAML or JSON. It refuses unknown fields and
// duplicate keys.
func ParseScript(data []byte) (*Script, error) {
	var s Script
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read script: %s", llm.Shorten(err.Error(), llm.MaxMessageBytes))
	}
	if len(s.Rules) > maxRules {
		return nil, fmt.Errorf("script has %d rules, the limit is %d", len(s.Rules), maxRules)
	}
	if len(s.Rules) == 0 && s.Default == nil {
		return nil, errors.New("script has neither rules nor a default")
	}
	for i := range s.Rules {
		if err := s.Rules[i].compile(); err != nil {
			return nil, fmt.Errorf("rules[%d]: %w", i, err)
		}
	}
	if d := s.Default; d != nil {
		if d.Agent != "" || d.Model != "" || d.Contains != "" || d.Matches != "" || d.Times != 0 {
			return nil, errors.New("default: takes no conditions; make it the last rule instead")
		}
		if err := d.compile(); err != nil {
			return nil, fmt.Errorf("default: %w", err)
		}
	}
	return &s, nil
}

// compile checks a rule and prepares what can be prepared.
func (r *Rule) compile() error {
	if r.Times < 0 {
		return errors.New("times: must not be negative")
	}
	if r.Matches != "" {
		p, err := regexp.Compile(r.Matches)
		if err != nil {
			return fmt.Errorf("matches: %w", err)
		}
		r.pattern = p
	}
	answers := 0
	for _, given := range []bool{r.Reply != nil, r.JSON != nil, r.Error != nil, r.Hang} {
		if given {
			answers++
		}
	}
	if answers != 1 {
		return errors.New("needs exactly one of reply, json, error, hang")
	}
	if r.Error != nil {
		kind, ok := llm.ParseKind(r.Error.Kind)
		if !ok {
			return fmt.Errorf("error.kind: %q is none of Auth, RateLimit, Overloaded, BadRequest, ContentFilter, Timeout, Unavailable",
				llm.Shorten(r.Error.Kind, 40))
		}
		r.Error.kind = kind
	}
	return r.compileText()
}

func (r *Rule) compileText() error {
	switch {
	case r.Reply != nil:
		r.text = *r.Reply
	case r.JSON != nil:
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(r.JSON); err != nil {
			return fmt.Errorf("json: %w", err)
		}
		r.text = strings.TrimSuffix(text.String(), "\n")
	}
	return nil
}

// matches tells whether the rule's conditions hold for req.
func (r *Rule) matches(req llm.Request) bool {
	if r.Agent != "" && r.Agent != req.Agent {
		return false
	}
	if r.Model != "" && r.Model != req.Declared {
		return false
	}
	user := req.LastUser()
	if r.Contains != "" && !containsFold(user, r.Contains) && !containsFold(req.System, r.Contains) {
		return false
	}
	return r.pattern == nil || r.pattern.MatchString(user) || r.pattern.MatchString(req.System)
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
