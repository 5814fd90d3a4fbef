// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// auditPolicy has every finished request written down, without its body.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// Request is one line of the audit log.
type Request struct {
	Verb       string
	RequestURI string
	UserAgent  string
	User       struct {
		Username string
		Groups   []string
	}
	ImpersonatedUser struct {
		Username string
		Groups   []string
	}
	ObjectRef struct {
		Resource    string
		Namespace   string
		Name        string
		APIGroup    string
		Subresource string
	}
	ResponseStatus struct{ Code int }
	// Annotations tell in authorization.k8s.io/decision and /reason what RBAC
	// said, and by which binding and role.
	Annotations map[string]string
}

// Who is the user whose rights the request was judged by.
func (r Request) Who() string {
	if r.ImpersonatedUser.Username != "" {
		return r.ImpersonatedUser.Username
	}
	return r.User.Username
}

// AuditLog is the file with a line of JSON for each request answered so far.
func (s *Server) AuditLog() string { return s.path("audit.log") }

// Requests are all requests answered so far. The log is written before an answer
// is sent.
func (s *Server) Requests(tb testing.TB) []Request {
	tb.Helper()
	f, err := os.Open(s.AuditLog())
	if err != nil {
		tb.Fatal("audit log:", err)
	}
	defer func() { _ = f.Close() }()
	var out []Request
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal("audit log:", err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal("audit log:", err)
	}
	return out
}
