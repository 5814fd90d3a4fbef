// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package dedupe

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"aof.dev/operator/pkg/expr"
)

// Bounds of a rule.
const (
	// MinWindow and MaxWindow bound how long events of one key count as one.
	MinWindow = time.Second
	MaxWindow = 7 * 24 * time.Hour
	// MaxKey is the longest template of a key in bytes.
	MaxKey = 4 << 10
)

// Rule says which events are about the same thing: those whose key comes to the
// same text, from the first of them until the window is over.
type Rule struct {
	// Key is a template over the event: ${event.…}, or ${trigger.…}, which is the
	// same.
	Key string `json:"key"`
	// Window counts from the first event of a key.
	Window time.Duration `json:"window"`
}

// roots are the names under which a key finds the event.
var roots = [...]string{"event", "trigger"}

// CheckKey says what is wrong with the template of a key.
func CheckKey(key string) error {
	_, err := parse(key)
	return err
}

// CheckWindow says what is wrong with a window.
func CheckWindow(window time.Duration) error {
	if window < MinWindow || window > MaxWindow {
		return fmt.Errorf("must be from %s to %d days", MinWindow, MaxWindow/(24*time.Hour))
	}
	return nil
}

var errNoReference = errors.New("names nothing of the event, so that all events would be one: write ${event.…}")

func parse(key string) (*expr.Template, error) {
	if len(key) > MaxKey {
		return nil, fmt.Errorf("is longer than %d bytes", MaxKey)
	}
	t, err := expr.ParseTemplate(key)
	if err != nil {
		return nil, err
	}
	refs := t.Refs()
	if len(refs) == 0 {
		return nil, errNoReference
	}
	for _, ref := range refs {
		if len(ref) < 2 || (ref[0] != roots[0] && ref[0] != roots[1]) {
			return nil, fmt.Errorf("${%s} is nothing of the event: a key is made of ${event.…} alone", ref)
		}
	}
	return t, nil
}

// Of makes the key of an event, whose fields data holds, for a binding: the digest
// of both, which can be part of a DNS label. False says that the event lacks what
// the key names, or what it names is empty: nobody knows what such an event is
// about, so it is never the same as another. The error is of a rule that no
// validation has seen, or of a key that is too large.
func (r Rule) Of(binding string, data map[string]any) (string, bool, error) {
	text, ok, err := r.Text(data)
	if !ok || err != nil {
		return "", false, err
	}
	return digest(binding, text), true, nil
}

// Text is what the key of an event comes to, for showing; as Of.
func (r Rule) Text(data map[string]any) (string, bool, error) {
	t, err := parse(r.Key)
	if err != nil {
		return "", false, fmt.Errorf("match.dedupe.key: %w", err)
	}
	root := make(map[string]any, len(roots))
	for _, name := range roots {
		root[name] = data
	}
	resolver := expr.Root(root)
	if _, lacks := t.Lacks(resolver); lacks {
		return "", false, nil
	}
	text, err := t.Render(resolver)
	if err != nil {
		return "", false, fmt.Errorf("match.dedupe.key: %w", err)
	}
	return text, true, nil
}

// Explain says for people what the rule makes of an event that matches.
func (r *Rule) Explain(data map[string]any) string {
	if r == nil {
		return ""
	}
	text, ok, err := r.Text(data)
	switch {
	case err != nil:
		return "; whether it is a duplicate can't be told: " + err.Error()
	case !ok:
		return "; it lacks what match.dedupe.key names, so it is a duplicate of none"
	}
	return fmt.Sprintf("; a duplicate if another with the key %q came within %s", text, r.Window)
}

// encoding has only characters that a DNS label may have.
var encoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// digest is of both parts with their lengths, so that no two pairs are spelled
// the same way. 160 bits of it are kept: nobody finds an event with the key of
// another.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return encoding.EncodeToString(h.Sum(nil)[:20])
}
