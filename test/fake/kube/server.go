// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"aof.dev/operator/pkg/names"
)

// Token is the one that the server takes.
const Token = "fake-api-token"

// Moment says when a failure strikes.
type Moment int

const (
	// Before is before the server does anything.
	Before Moment = iota
	// After is when it has done what it was asked and would answer.
	After
)

// Server is the API.
type Server struct {
	tb   testing.TB
	http *httptest.Server

	mu       sync.Mutex
	objects  map[string]map[string]any // by path
	version  int
	token    string
	requests []string
	trouble  func(moment Moment, method, path string) int
}

// New starts a server that holds nothing; it ends with the test.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tb: tb, objects: map[string]map[string]any{}, token: Token}
	s.http = httptest.NewTLSServer(s)
	tb.Cleanup(s.http.Close)
	return s
}

// Getenv is the environment of a process that uses the server.
func (s *Server) Getenv(name string) string {
	return map[string]string{
		names.EnvAPIServer: s.http.URL,
		names.EnvAPICA:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})),
		names.EnvAPIToken:  Token,
	}[name]
}

// Revoke has the server take the token no more.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
}

// Trouble has the server answer with the status that f gives, in place of doing
// its work or of telling that it did; 0 is no trouble. Nil ends all trouble. F
// may wait.
func (s *Server) Trouble(f func(moment Moment, method, path string) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = f
}

// Requests are those that were made, as "GET /api/v1/…", in their order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count is how many requests with that method touched a path that contains part.
func (s *Server) Count(method, part string) int {
	n := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, method+" ") && strings.Contains(r, part) {
			n++
		}
	}
	return n
}

// Put stores an object at a path, such as /api/v1/namespaces/ns/secrets/x, as
// somebody else would.
func (s *Server) Put(path string, object any) {
	s.tb.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		s.tb.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		s.tb.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(path, fields)
}

// Remove takes an object away.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, path)
}

// Get decodes the object at a path; false when there is none.
func (s *Server) Get(path string, into any) bool {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	object, ok := s.objects[path]
	if !ok {
		return false
	}
	raw, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		s.tb.Fatal(err)
	}
	return true
}

// Paths lists the paths of all objects that begin with prefix, sorted.
func (s *Server) Paths(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	return paths
}

// ServeHTTP is the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	trouble, token := s.trouble, s.token
	s.mu.Unlock()
	if token == "" || r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "no valid token")
		return
	}
	if trouble != nil {
		if status := trouble(Before, r.Method, r.URL.Path); status != 0 {
			refuse(w, status, reasonOf(status), "trouble")
			return
		}
	}
	status, answer := s.do(r, body)
	if trouble != nil {
		if status := trouble(After, r.Method, r.URL.Path); status != 0 {
			refuse(w, status, reasonOf(status), "trouble after the work")
			return
		}
	}
	if status >= http.StatusBadRequest {
		reason, _ := answer["reason"].(string)
		refuse(w, status, reason, fmt.Sprint(answer["message"]))
		return
	}
	write(w, status, answer)
}

func (s *Server) do(r *http.Request, body []byte) (int, map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		if object, ok := s.objects[r.URL.Path]; ok {
			return http.StatusOK, object
		}
		return problem(http.StatusNotFound, "NotFound", r.URL.Path+" not found")
	case http.MethodPost, http.MethodPut:
		return s.take(r, body)
	default:
		return problem(http.StatusMethodNotAllowed, "MethodNotAllowed", "the fake has no "+r.Method)
	}
}

// take stores an object that a client sent; the caller holds the lock.
func (s *Server) take(r *http.Request, body []byte) (int, map[string]any) {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil || object["kind"] == nil || object["apiVersion"] == nil {
		return problem(http.StatusBadRequest, "BadRequest", "the body is no object with kind and apiVersion")
	}
	meta, _ := object["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	if name == "" || !strings.Contains(r.URL.Path, "/namespaces/"+fmt.Sprint(meta["namespace"])+"/") {
		return problem(http.StatusBadRequest, "BadRequest", "the object has no name or another namespace")
	}
	if r.Method == http.MethodPost {
		path := r.URL.Path + "/" + name
		if _, ok := s.objects[path]; ok {
			return problem(http.StatusConflict, "AlreadyExists", name+" already exists")
		}
		return http.StatusCreated, s.store(path, object)
	}
	have, ok := s.objects[r.URL.Path]
	switch {
	case !ok:
		return problem(http.StatusNotFound, "NotFound", name+" not found")
	case !strings.HasSuffix(r.URL.Path, "/"+name):
		return problem(http.StatusBadRequest, "BadRequest", "the object has another name")
	case meta["resourceVersion"] != nil && meta["resourceVersion"] != metaOf(have)["resourceVersion"]:
		return problem(http.StatusConflict, "Conflict", "the object has been modified")
	}
	return http.StatusOK, s.store(r.URL.Path, object)
}

// store keeps an object under a new version; the caller holds the lock.
func (s *Server) store(path string, object map[string]any) map[string]any {
	s.version++
	meta := metaOf(object)
	meta["resourceVersion"] = strconv.Itoa(s.version)
	if have, ok := s.objects[path]; ok {
		meta["uid"] = metaOf(have)["uid"]
	} else {
		meta["uid"] = fmt.Sprintf("uid-%d", s.version)
		meta["creationTimestamp"] = time.Unix(1_700_000_000, 0).UTC().Format(time.RFC3339)
	}
	s.objects[path] = object
	return object
}

func metaOf(object map[string]any) map[string]any {
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	return meta
}

func problem(status int, reason, message string) (int, map[string]any) {
	return status, map[string]any{"reason": reason, "message": message}
}

func reasonOf(status int) string {
	return map[int]string{
		http.StatusForbidden: "Forbidden", http.StatusNotFound: "NotFound", http.StatusConflict: "Conflict",
		http.StatusTooManyRequests: "TooManyRequests", http.StatusInternalServerError: "InternalError",
		http.StatusServiceUnavailable: "ServiceUnavailable", http.StatusGatewayTimeout: "Timeout",
	}[status]
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	write(w, status, map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure",
		"reason": reason, "message": message, "code": status,
	})
}

func write(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
