// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// environment is where the namespace's credentials are: each key of its Secret
// aof-credentials is a variable of this process.
type environment func(name string) string

// kept are variables that are the process's own.
var (
	kept         = []string{"PORT", "PATH", "HOME", "HOSTNAME"}
	keptPrefixes = []string{"AOF_", "K_", "KUBERNETES_"}
)

// lookup finds a credential; an empty one counts as absent, so that a default in
// the flow holds. What belongs to the process, its token above all, is none.
func (e environment) lookup(name string) (string, bool) {
	if slices.Contains(kept, name) || slices.ContainsFunc(keptPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return "", false
	}
	value := e(name)
	return value, value != ""
}

var _ fs.FS = environment(nil)

// Open finds a script of the mock provider among the credentials: the model
// mock:replies.yaml is in REPLIES_YAML. A pod has no files of its own, and so
// nothing has to be mounted or read to try a composition out.
func (e environment) Open(name string) (fs.File, error) {
	content, ok := e.lookup(scriptVariable(name))
	if !ok {
		return nil, &fs.PathError{Op: "read " + scriptVariable(name) + " among the credentials for", Path: name, Err: fs.ErrNotExist}
	}
	return &script{Reader: strings.NewReader(content), name: path.Base(name)}, nil
}

// script is a variable's value as an open file.
type script struct {
	*strings.Reader
	name string
}

var (
	_ fs.File     = (*script)(nil)
	_ fs.FileInfo = (*script)(nil)
)

// Stat implements fs.File.
func (s *script) Stat() (fs.FileInfo, error) { return s, nil }

// Close implements fs.File.
func (*script) Close() error { return nil }

// Name implements fs.FileInfo, and so do the methods below.
func (s *script) Name() string { return s.name }

// Mode is that of a file that can be read.
func (*script) Mode() fs.FileMode { return 0o400 }

// ModTime is unknown.
func (*script) ModTime() time.Time { return time.Time{} }

// IsDir is never so.
func (*script) IsDir() bool { return false }

// Sys is nothing.
func (*script) Sys() any { return nil }

// scriptVariable is the variable with a script: the file's name in upper case,
// with an underscore for all that a variable's name can't hold.
func scriptVariable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, path.Base(name))
}

// namespaceOf reads the namespace out of a ServiceAccount's token; empty when it
// is none. Nothing is trusted because of it: the API checks the token.
func namespaceOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Kubernetes struct {
			Namespace string `json:"namespace"`
		} `json:"kubernetes.io"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Kubernetes.Namespace
}
