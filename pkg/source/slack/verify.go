// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"aof.dev/operator/pkg/source"
)

const (
	headerSignature = "X-Slack-Signature"
	headerTimestamp = "X-Slack-Request-Timestamp"

	// signatureVersion begins the signature and what is signed.
	signatureVersion = "v0"
	// window is how far a request's timestamp may be from now. Slack says five
	// minutes; a timestamp ahead of us is as suspect as an old one.
	window = 300
)

// verify checks that a request was signed with the secret around now.
func verify(secret string, header http.Header, body []byte, now time.Time) error {
	given := header.Get(headerSignature)
	timestamp := header.Get(headerTimestamp)
	if given == "" || timestamp == "" {
		return source.Fail(source.Unauthenticated, "slack: the request is not signed")
	}
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return source.Fail(source.Unauthenticated, "slack: the timestamp of the signature is no number")
	}
	signature, ok := decodeSignature(given)
	if !ok || !hmac.Equal(signature, sign(secret, timestamp, body)) {
		return source.Fail(source.Unauthenticated, "slack: the signature is wrong")
	}
	if sent < now.Unix()-window || sent > now.Unix()+window {
		return source.Fail(source.Unauthenticated, "slack: the signature is not from now")
	}
	return nil
}

// sign makes the bytes of a signature.
func sign(secret, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(signatureVersion + ":" + timestamp + ":"))
	h.Write(body)
	return h.Sum(nil)
}

func decodeSignature(header string) ([]byte, bool) {
	digits, ok := strings.CutPrefix(header, signatureVersion+"=")
	if !ok || len(digits) != 2*sha256.Size {
		return nil, false
	}
	signature, err := hex.DecodeString(digits)
	return signature, err == nil
}
