// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"aof.dev/operator/pkg/source"
)

const (
	headerSignature = "X-Hub-Signature-256"
	headerToken     = "X-Aof-Token"
)

// authenticate wants one of the three proofs that the caller knows the secret.
func (r *receiver) authenticate(req source.Request) error {
	if r.secret == "" {
		return nil
	}
	if signed(r.secret, req.Header.Get(headerSignature), req.Body) ||
		same(bearer(req.Header.Get("Authorization")), r.secret) ||
		same(req.Header.Get(headerToken), r.secret) {
		return nil
	}
	return source.Fail(source.Unauthenticated, "the call proves no knowledge of the secret: "+
		"wanted is X-Hub-Signature-256, Authorization: Bearer or X-AOF-Token")
}

// signed checks sha256=<hex HMAC-SHA256 of the body>.
func signed(secret, signature string, body []byte) bool {
	digits, ok := strings.CutPrefix(signature, "sha256=")
	if !ok {
		return false
	}
	given, err := hex.DecodeString(digits)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}

// bearer is the token of an Authorization header, empty when it has none.
func bearer(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// same compares in a time that tells neither content nor length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// checkHeaders wants the headers that the configuration requires. It says which
// one is wrong, and neither value.
func (r *receiver) checkHeaders(h http.Header) error {
	for _, want := range r.required {
		values := h.Values(want.name)
		if len(values) == 0 {
			return source.Fail(source.Malformed, "header "+bounded(want.name)+" is missing")
		}
		if want.value != anyValue && !same(values[0], want.value) {
			return source.Fail(source.Malformed, "header "+bounded(want.name)+" has another value than the one configured")
		}
	}
	return nil
}
