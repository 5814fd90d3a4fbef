// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// ModelEnv is the variable that, when set, replaces every model reference, so
// that a composition written for one provider can run on another.
const ModelEnv = "AOF_MODEL"

// Options is what providers may need from outside. All fields may be zero.
type Options struct {
	// Getenv finds credentials and base URLs (OPENAI_API_KEY and so on); nil
	// finds nothing.
	Getenv func(name string) string
	// HTTPClient makes the calls; nil is a client with default settings. It
	// must not have a Timeout shorter than the calls may take.
	HTTPClient *http.Client
	// Scripts holds the reply scripts of the mock provider. It decides which
	// paths may be read.
	Scripts fs.FS
	// Model, when set, is used in place of every reference (as from a --model
	// flag). It wins over ModelEnv.
	Model string
}

// Env looks a variable up; a missing Getenv finds nothing.
func (o Options) Env(name string) string {
	if o.Getenv == nil {
		return ""
	}
	return o.Getenv(name)
}

// Builder makes the provider called Name. Build gets the model that is asked
// for and must not do network traffic: a wrong key shows in the first Generate.
type Builder struct {
	Name  string
	Build func(o Options, model string) (Provider, error)
}

// Opener turns model references into providers and keeps what it has opened,
// so agents that name the same model share connections and, with the mock
// provider, one script's counters. It is safe for concurrent use.
type Opener struct {
	options  Options
	builders map[string]Builder
	mu       sync.Mutex
	opened   map[Ref]Provider
}

// NewOpener returns an Opener over the given providers.
func NewOpener(o Options, builders ...Builder) *Opener {
	op := &Opener{options: o, builders: make(map[string]Builder, len(builders)), opened: map[Ref]Provider{}}
	for _, b := range builders {
		op.builders[b.Name] = b
	}
	return op
}

// Override is the model reference that replaces all others, or "".
func (o *Opener) Override() string {
	if o.options.Model != "" {
		return o.options.Model
	}
	return strings.TrimSpace(o.options.Env(ModelEnv))
}

// Open finds the provider for a reference ("openai:gpt-4o", "mock:echo", a bare
// model name) and the model's name to put into Request.Model. The error is an
// *Error: BadRequest when the reference is unknown or its provider is not
// built in, Auth when the provider's credentials are not set.
func (o *Opener) Open(ref string) (Provider, string, error) {
	if override := o.Override(); override != "" {
		ref = override
	}
	parsed, err := o.resolve(ref)
	if err != nil {
		return nil, "", err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p, ok := o.opened[parsed]; ok {
		return p, parsed.Model, nil
	}
	p, err := o.builders[parsed.Provider].Build(o.options, parsed.Model)
	if err != nil {
		return nil, "", err
	}
	o.opened[parsed] = p
	return p, parsed.Model, nil
}

// resolve parses ref and makes sure that a builder for it exists.
func (o *Opener) resolve(ref string) (Ref, error) {
	parsed := ParseRef(ref)
	if parsed.Model == "" {
		return Ref{}, NewError(BadRequest, "", "the model reference %q names no model; write provider:model, for example openai:gpt-4o", ref)
	}
	name, known := canonical(parsed.Provider)
	if !known {
		name = parsed.Provider // a builder may bring a name of its own
	}
	if _, ok := o.builders[name]; ok {
		return Ref{Provider: name, Model: parsed.Model}, nil
	}
	reason := "is not a known provider"
	if known {
		reason = "is not built in yet"
	}
	return Ref{}, NewError(BadRequest, "", "%q in model %q %s; usable are %s; to run this on another model set %s or --model, for example %s=mock:echo",
		Shorten(parsed.Provider, 40), Shorten(ref, 80), reason, strings.Join(o.names(), ", "), ModelEnv, ModelEnv)
}

func (o *Opener) names() []string {
	names := make([]string, 0, len(o.builders))
	for n := range o.builders {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
