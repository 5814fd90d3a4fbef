// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"aof.dev/operator/pkg/audit"
)

// Receiver is a webhook for audit records. Make it with New.
type Receiver struct {
	// URL is where it listens.
	URL string

	server *httptest.Server

	mu       sync.Mutex
	records  []audit.Record
	lines    map[string]string // by id
	last     map[string]int64  // by run
	wrong    []string
	headers  []http.Header
	requests int
	repeats  int
	answers  []http.HandlerFunc
}

// New starts one that takes everything.
func New() *Receiver {
	r := &Receiver{lines: map[string]string{}, last: map[string]int64{}}
	r.server = httptest.NewServer(r)
	r.URL = r.server.URL
	return r
}

// Close ends it.
func (r *Receiver) Close() { r.server.Close() }

// Next has the next requests answered so, one each, without taking anything.
func (r *Receiver) Next(answers ...http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, answers...)
}

// Status is an answer with a status.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// ServeHTTP takes records.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests++
	r.headers = append(r.headers, req.Header.Clone())
	var answer http.HandlerFunc
	if len(r.answers) > 0 {
		answer, r.answers = r.answers[0], r.answers[1:]
	}
	r.mu.Unlock()
	if answer != nil {
		answer(w, req)
		return
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/x-ndjson" {
		r.complain("%s with content of type %q", req.Method, req.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(req.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r.take(lines.Text())
	}
	if err := lines.Err(); err != nil {
		r.complain("the body: %v", err)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (r *Receiver) take(line string) {
	var record audit.Record
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&record); err != nil {
		r.complain("%s: %v", line, err)
		return
	}
	if record.ID == "" || record.Seq < 1 || record.Event == "" || record.Timestamp.IsZero() || record.Run == "" {
		r.complain("something is missing: %s", line)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.lines[record.ID]; ok {
		r.repeats++
		if before != line {
			r.wrong = append(r.wrong, "one id, two records: "+before+" "+line)
		}
		return
	}
	run := record.RunNamespace + "/" + record.Run
	if record.Seq <= r.last[run] {
		r.wrong = append(r.wrong, fmt.Sprintf("%s comes after number %d", line, r.last[run]))
	}
	r.lines[record.ID], r.last[run] = line, record.Seq
	r.records = append(r.records, record)
}

func (r *Receiver) complain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// Records are those that came, each once, in the order in which they came first.
func (r *Receiver) Records() []audit.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.records)
}

// Wrong says what was wrong with what came.
func (r *Receiver) Wrong() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.wrong)
}

// Requests counts requests, Repeats the records that had come before.
func (r *Receiver) Requests() (requests, repeats int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, r.repeats
}

// Header is that of the last request.
func (r *Receiver) Header() http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.headers) == 0 {
		return nil
	}
	return r.headers[len(r.headers)-1]
}
