// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"sort"
	"strings"
	"sync"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// redacted stands where a secret stood.
const redacted = "***"

// minSecret is the shortest value that is blotted out: shorter ones ("on", "1")
// occur everywhere and hide nothing.
const minSecret = 6

// Secrets looks up what ${NAME} means when nothing in the run is called that:
// the credentials of the namespace, in `aof dev` the process's environment. It
// remembers what it gave out, so that Redact can keep it out of the journal.
type Secrets struct {
	lookup func(name string) (string, bool)

	mu    sync.Mutex
	given map[string]struct{}
}

// NewSecrets wraps a lookup, which must be safe for concurrent use.
func NewSecrets(lookup func(name string) (string, bool)) *Secrets {
	return &Secrets{lookup: lookup, given: map[string]struct{}{}}
}

// Resolve gives the secret of that name. Only names in UPPER_SNAKE_CASE can be
// secrets, so that a mistyped field never reaches into the environment.
func (s *Secrets) Resolve(p expr.Path) (any, bool) {
	if len(p) != 1 || !upperSnake(p[0]) {
		return nil, false
	}
	value, ok := s.lookup(p[0])
	if !ok {
		return nil, false
	}
	if len(value) >= minSecret {
		s.mu.Lock()
		s.given[value] = struct{}{}
		s.mu.Unlock()
	}
	return value, true
}

// Redact blots every secret given out so far out of the strings in v, which may
// be anything that JSON can write; what JSON does not decode to comes back as
// what its JSON form decodes to. What JSON can't write comes back as it is.
func (s *Secrets) Redact(v any) any {
	replacer := s.replacer()
	if replacer == nil {
		return v
	}
	return redact(replacer, v)
}

// RedactText is Redact for one string.
func (s *Secrets) RedactText(text string) string {
	if replacer := s.replacer(); replacer != nil {
		return replacer.Replace(text)
	}
	return text
}

func (s *Secrets) replacer() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.given) == 0 {
		return nil
	}
	values := make([]string, 0, len(s.given))
	for value := range s.given {
		values = append(values, value)
	}
	// The longest first: one secret may be the beginning of another.
	sort.Slice(values, func(i, j int) bool {
		if len(values[i]) != len(values[j]) {
			return len(values[i]) > len(values[j])
		}
		return values[i] < values[j]
	})
	pairs := make([]string, 0, 2*len(values))
	for _, value := range values {
		pairs = append(pairs, value, redacted)
	}
	return strings.NewReplacer(pairs...)
}

func redact(r *strings.Replacer, v any) any {
	switch v := v.(type) {
	case string:
		return r.Replace(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[r.Replace(k)] = redact(r, item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = redact(r, item)
		}
		return out
	case nil, bool, int, int64, float64, json.Number:
		return v
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return v // the engine refuses it
		}
		var plain any
		if err := decodeOutput(raw, &plain); err != nil {
			return v
		}
		return redact(r, plain)
	}
}

// redactNode is Redact for all that a node has to say. The values that the
// engine works out itself, as an End's output, pass through here only.
func (s *Secrets) redactNode(n flow.NodeState) flow.NodeState {
	replacer := s.replacer()
	if replacer == nil {
		return n
	}
	n.Output = redact(replacer, n.Output)
	n.Exports = redactStrings(replacer, n.Exports)
	if n.Error != nil {
		n.Error = &flow.NodeError{Reason: n.Error.Reason, Message: replacer.Replace(n.Error.Message)}
	}
	if n.Wait != nil {
		wait := redactWait(replacer, *n.Wait)
		n.Wait = &wait
	}
	return n
}

func redactStrings(r *strings.Replacer, in map[string]string) map[string]string {
	if in == nil {
		return nil
	}
	out := make(map[string]string, len(in))
	for name, value := range in {
		out[name] = r.Replace(value)
	}
	return out
}

func redactWait(r *strings.Replacer, w flow.Wait) flow.Wait {
	w.Message = r.Replace(w.Message)
	if w.Details != nil {
		w.Details, _ = redact(r, w.Details).(map[string]any)
	}
	return w
}

func upperSnake(name string) bool {
	for i, c := range name {
		switch {
		case c >= 'A' && c <= 'Z', c == '_':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
