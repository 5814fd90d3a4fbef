// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"path"
	"strings"
)

// maxName is what a Kubernetes object name may be long; kept to a label's length,
// because names of ours end up in labels.
const maxName = 63

// objectName makes a name Kubernetes takes of any text: lower case, dashes for
// what is not allowed. Equal texts give equal names, so references keep up.
func objectName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(s)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.':
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	name := b.String()
	for strings.Contains(name, "--") && !strings.Contains(s, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	name = strings.Trim(name, "-.")
	for _, pair := range []string{"-.", ".-", ".."} {
		for strings.Contains(name, pair) {
			name = strings.ReplaceAll(name, pair, ".")
		}
	}
	if len(name) > maxName {
		name = strings.Trim(name[:maxName], "-.")
	}
	return name
}

// looksLikePath tells a reference to a file from the name of an object.
func looksLikePath(s string) bool {
	switch strings.ToLower(path.Ext(s)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

// baseName is a file's name without directories and extension.
func baseName(file string) string {
	base := path.Base(strings.ReplaceAll(file, "\\", "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}
