// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// PageSize is Limit as stores hold it: DefaultLimit when there is none, MaxLimit at
// most. A negative one is ErrInvalid.
func (o ListOptions) PageSize() (int, error) {
	switch {
	case o.Limit < 0:
		return 0, fmt.Errorf("%w: limit is negative", ErrInvalid)
	case o.Limit == 0:
		return DefaultLimit, nil
	default:
		return min(o.Limit, MaxLimit), nil
	}
}

// continued is what a continue token holds: the selection that it is for, and the
// place where the page before ended, as the store spells it.
type continued struct {
	Selection ListOptions     `json:"s"`
	Place     json.RawMessage `json:"p"`
}

// Token makes the continue token of a list with these options, for stores: place
// is where the page ended.
func (o ListOptions) Token(place any) (string, error) {
	at, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("continue token: %w", err)
	}
	o.Continue = ""
	text, err := json.Marshal(continued{Selection: o, Place: at})
	if err != nil {
		return "", fmt.Errorf("continue token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// Place decodes where the page before ended, for stores; there is none before the
// first. A token that Token did not make of the same options is ErrInvalid.
func (o ListOptions) Place(into any) (found bool, err error) {
	if o.Continue == "" {
		return false, nil
	}
	wrong := fmt.Errorf("%w: the continue token is not from a list with these options", ErrInvalid)
	text, err := base64.RawURLEncoding.DecodeString(o.Continue)
	if err != nil {
		return false, wrong
	}
	var c continued
	if json.Unmarshal(text, &c) != nil || json.Unmarshal(c.Place, into) != nil {
		return false, wrong
	}
	o.Continue = ""
	asked, err := json.Marshal(o)
	if err != nil {
		return false, wrong
	}
	if given, err := json.Marshal(c.Selection); err != nil || string(given) != string(asked) {
		return false, wrong
	}
	return true, nil
}
