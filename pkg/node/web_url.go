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
	parts := pieces(src)
	dots := dotSegments(src)
	var b strings.Builder
	for i, p := range parts {
		after := ""
		if i+1 < len(parts) {
			after = parts[i+1].src
		}
		var text string
		var err error
		switch {
		case !p.ref:
			text, err = r.text(p.src)
		case i == 0:
			text, err = r.base(p.src, after)
			dots += dotSegments(text)
		default:
			text, err = r.addressValue(b.String(), p.src, after)
		}
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return parseURL(b.String(), dots)
}

// base renders the reference that begins a URL.
func (r *renderer) base(src, after string) (string, error) {
	base, err := r.text(src)
	if err != nil {
		return "", err
	}
	base = strings.TrimSpace(base)
	if _, err := parseURL(base, dotSegments(base)); err != nil {
		return "", err
	}
	if strings.HasPrefix(after, "/") {
		base = strings.TrimSuffix(base, "/")
	}
	return base, nil
}

// addressValue renders a reference that stands between what is rendered already
// and the source of the next piece.
func (r *renderer) addressValue(before, src, after string) (string, error) {
	_, rest, schemeKnown := strings.Cut(before, "://")
	if !schemeKnown {
		return "", fail(ReasonInvalidConfig, "url: the scheme must be written out")
	}
	if strings.ContainsAny(rest, "/?#") {
		return r.escaped(percent).text(src)
	}
	text, err := r.escaped(hostOrPercent).text(src)
	if err != nil {
		return "", err
	}
	last := rest[max(0, len(rest)-1):]
	extends := strings.Trim(last, ".-:@") != ""                    // a host that the author wrote
	ends := after == "" || strings.ContainsAny(after[:1], "/?#${") // and nothing of the author's follows
	if extends && ends && !isPort(text) {
		return "", fail(ReasonRefused, "url: a value would lead to another host: write / before it")
	}
	return text, nil
}

// isPort says that a text adds nothing to a host but its port.
func isPort(s string) bool {
	digits, ok := strings.CutPrefix(s, ":")
	return s == "" || ok && strings.Trim(digits, "0123456789") == ""
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
