// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
)

// API is a transport that answers as a Kubernetes API server does for FlowRuns,
// from memory: one object at a time, without a status subresource, conditional on
// resourceVersion. Objects are stored as an API server stores them, as plain
// JSON, so texts that mean the same come back spelled its way. It has no lists
// and no watches; for those there is the real one.
type API struct {
	mu       sync.Mutex
	revision int64
	objects  map[string]map[string]any
}

var _ http.RoundTripper = (*API)(nil)

// RoundTrip answers one request.
func (a *API) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body map[string]any
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			return answer(r, http.StatusBadRequest, failure(http.StatusBadRequest, "BadRequest"))
		}
	}
	a.mu.Lock()
	code, object := a.do(r, body)
	a.mu.Unlock()
	return answer(r, code, object)
}

func (a *API) do(r *http.Request, body map[string]any) (int, any) {
	// /apis/aof.dev/v1/namespaces/NS/flowruns[/NAME]
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 6 || parts[5] != "flowruns" {
		return http.StatusNotFound, failure(http.StatusNotFound, "NotFound")
	}
	if r.Method == http.MethodPost {
		name, _, _ := unstructured.NestedString(body, "metadata", "name")
		return a.create(parts[4]+"/"+name, body)
	}
	if len(parts) < 7 {
		return http.StatusMethodNotAllowed, failure(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	key := parts[4] + "/" + parts[6]
	stored, ok := a.objects[key]
	switch {
	case !ok:
		return http.StatusNotFound, failure(http.StatusNotFound, "NotFound")
	case r.Method == http.MethodGet:
		return http.StatusOK, stored
	case r.Method == http.MethodDelete:
		delete(a.objects, key)
		return http.StatusOK, stored
	case r.Method == http.MethodPut:
		return a.update(key, stored, body)
	default:
		return http.StatusMethodNotAllowed, failure(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (a *API) create(key string, body map[string]any) (int, any) {
	if _, there := a.objects[key]; there {
		return http.StatusConflict, failure(http.StatusConflict, "AlreadyExists")
	}
	if a.objects == nil {
		a.objects = map[string]map[string]any{}
	}
	a.revision++
	set(body, "uid-"+strconv.FormatInt(a.revision, 10), "metadata", "uid")
	set(body, int64(1), "metadata", "generation")
	set(body, "2025-12-18T10:00:00Z", "metadata", "creationTimestamp")
	a.store(key, body)
	return http.StatusCreated, body
}

// update writes spec and status.
func (a *API) update(key string, stored, body map[string]any) (int, any) {
	for _, field := range []string{"resourceVersion", "uid"} {
		given, _, _ := unstructured.NestedString(body, "metadata", field)
		kept, _, _ := unstructured.NestedString(stored, "metadata", field)
		if given != kept {
			return http.StatusConflict, failure(http.StatusConflict, "Conflict")
		}
	}
	next := map[string]any{}
	for name, value := range stored {
		next[name] = value
	}
	next["metadata"] = clone(stored["metadata"])
	next["spec"], next["status"] = body["spec"], body["status"]
	if !reflect.DeepEqual(stored["spec"], body["spec"]) || !reflect.DeepEqual(stored["status"], body["status"]) {
		generation, _, _ := unstructured.NestedInt64(stored, "metadata", "generation")
		set(next, generation+1, "metadata", "generation")
	}
	if reflect.DeepEqual(next, stored) {
		return http.StatusOK, stored // as there, it is no write
	}
	a.revision++
	a.store(key, next)
	return http.StatusOK, next
}

func (a *API) store(key string, object map[string]any) {
	set(object, strconv.FormatInt(a.revision, 10), "metadata", "resourceVersion")
	a.objects[key] = object
}

func set(object map[string]any, value any, fields ...string) {
	_ = unstructured.SetNestedField(object, value, fields...) // the way there consists of maps
}

func clone(v any) any {
	m, _ := v.(map[string]any)
	out := make(map[string]any, len(m))
	for name, value := range m {
		out[name] = value
	}
	return out
}

func failure(code int64, reason string) any {
	return map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure", "reason": reason, "message": reason, "code": code,
	}
}

func answer(r *http.Request, code int, object any) (*http.Response, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(raw)),
		ContentLength: int64(len(raw)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}
