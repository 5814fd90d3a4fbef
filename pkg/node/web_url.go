// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net/url"
	"strings"
)

// address renders a URL. References are values of the place where they stand:
// percent-encoded in path and query, a plain name in the host. A reference that
// begins the URL is a base and must be a complete http or https URL itself.
func (r *renderer) address(src string) (*url.URL, error) {
	src = strings.TrimSpace(src)
	var b strings.Builder
	for i, p := range pieces(src) {
		text, err := r.addressPiece(b.String(), p, i == 0)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return parseURL(b.String(), dotSegments(src))
}

func (r *renderer) addressPiece(before string, p piece, begins bool) (string, error) {
	if !p.ref {
		return r.text(p.src)
	}
	if begins {
		base, err := r.text(p.src)
		if err != nil {
			return "", err
		}
		base = strings.TrimSpace(base)
		u, err := parseURL(base, dotSegments(base))
		if err != nil {
			return "", err
		}
		if u.RawQuery == "" && u.Fragment == "" {
			base = strings.TrimSuffix(base, "/") // "${base}/path"; put back below when nothing follows
		}
		return base, nil
	}
	_, rest, schemeKnown := strings.Cut(before, "://")
	if !schemeKnown {
		return "", fail(ReasonInvalidConfig, "url: the scheme must be written out")
	}
	if strings.ContainsAny(rest, "/?#") {
		return r.escaped(percent).text(p.src)
	}
	return r.escaped(hostOrPercent).text(p.src)
}

// parseURL checks a complete URL. dots is how many "." and ".." segments its
// author wrote.
func parseURL(text string, dots int) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil { // the error holds the URL, and that may hold a secret
		return nil, fail(ReasonInvalidConfig, "url: is not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fail(ReasonInvalidConfig, "url: must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, fail(ReasonInvalidConfig, "url: names no host")
	case dotSegments(text) > dots:
		return nil, fail(ReasonRefused, "url: a value would lead to another path")
	}
	return u, nil
}

// dotSegments counts the segments of a path or of a URL's path that lead
// elsewhere.
func dotSegments(path string) int {
	path, _, _ = strings.Cut(path, "#")
	path, _, _ = strings.Cut(path, "?")
	n := 0
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			n++
		}
	}
	return n
}

// percent encodes everything but the unreserved characters, which is right in
// each part of a URL.
func percent(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// hostOrPercent leaves host names and ports alone. Anything else is encoded,
// which is right for a user's name or password and no host at all.
func hostOrPercent(s string) string {
	for i := range len(s) {
		c := s[i]
		if c != ':' && percent(s[i:i+1]) != s[i:i+1] {
			return percent(s)
		}
	}
	return s
}
