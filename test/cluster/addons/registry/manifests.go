// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// manifestStore is a folder of manifests. The registry keeps blobs on disk but manifests in memory only: the store
// writes down every manifest that is put, and puts them all again at the next start.
type manifestStore string

type manifest struct {
	Path, Type string
	Body       []byte
	At         time.Time
}

func (s manifestStore) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			if err := s.save(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s manifestStore) save(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	j, err := json.Marshal(manifest{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Body: body, At: time.Now()})
	if err != nil {
		return err
	}
	file := filepath.Join(string(s), fmt.Sprintf("%x.json", sha256.Sum256([]byte(r.URL.Path))))
	if err := os.WriteFile(file+".tmp", j, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}

// replay puts the manifests in the order in which they came: an index needs its images first.
func (s manifestStore) replay(h http.Handler) error {
	files, err := filepath.Glob(filepath.Join(string(s), "*.json"))
	if err != nil {
		return err
	}
	var all []manifest
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var m manifest
		if err := json.Unmarshal(b, &m); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b manifest) int { return a.At.Compare(b.At) })
	for _, m := range all {
		r := httptest.NewRequest(http.MethodPut, m.Path, bytes.NewReader(m.Body))
		r.Header.Set("Content-Type", m.Type)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code >= http.StatusMultipleChoices {
			return fmt.Errorf("putting %s again: %d %s", m.Path, w.Code, w.Body)
		}
	}
	return nil
}
