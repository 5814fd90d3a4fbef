// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/base64"
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

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

const clusterToken = "the-users-token"

// fakeCluster is an API server with objects in memory, as strict as the real one
// where it matters to a command line: rights, conflicts, selectors, pages, watches.
// Like our admission webhook it writes down who decided and cancelled.
type fakeCluster struct {
	t    *testing.T
	http *httptest.Server

	mu       sync.Mutex
	version  int
	objects  map[string]map[string]any // by path
	history  []change
	changed  chan struct{}               // closed at every change
	denied   map[string]bool             // "patch flowruns"
	logs     map[string]string           // by pod
	received []map[string]any            // events at the broker
	requests []string                    // "GET /path?query"
	broker   int                         // what the broker answers
	meddle   func(c *fakeCluster, n int) // before the nth write
	writes   int
	me       string // who the user is there
	endWatch bool   // watches end after what they have to say
	headers  http.Header
}

type change struct {
	kind, path string
	version    int
	object     map[string]any
}

// kinds that the server knows, as in paths.
var fakeKinds = []string{
	"/apis/aof.dev/v1/flowruns", "/apis/aof.dev/v1/flowbindings", "/apis/aof.dev/v1/triggers", "/apis/aof.dev/v1/agentflows",
	"/apis/aof.dev/v1/contexts", "/apis/eventing.knative.dev/v1/brokers", "/api/v1/configmaps", "/api/v1/pods",
}

func newCluster(t *testing.T) *fakeCluster {
	t.Helper()
	c := &fakeCluster{
		t: t, objects: map[string]map[string]any{}, changed: make(chan struct{}), denied: map[string]bool{},
		logs: map[string]string{}, broker: http.StatusAccepted, version: 100, me: "alice",
	}
	c.http = httptest.NewTLSServer(c)
	t.Cleanup(c.http.Close)
	return c
}

// user is somebody whose kubeconfig names the cluster.
func (c *fakeCluster) user() person {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.http.Certificate().Raw})
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: fake, cluster: {server: %q, certificate-authority-data: %q}}]
users: [{name: alice, user: {token: %q}}]
contexts: [{name: fake, context: {cluster: fake, user: alice, namespace: ops}}]
current-context: fake
`, c.http.URL, base64.StdEncoding.EncodeToString(ca), clusterToken)
	return person{program: "kubectl-aof", vars: map[string]string{"KUBECONFIG": writeFile(c.t, "config", config)}}
}

func (c *fakeCluster) deny(rights ...string) *fakeCluster {
	for _, r := range rights {
		c.denied[r] = true
	}
	return c
}

// put stores an object from YAML, as somebody else would.
func (c *fakeCluster) put(manifests ...string) *fakeCluster {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range manifests {
		var object map[string]any
		raw, err := yaml.YAMLToJSON([]byte(m))
		require.NoError(c.t, err, m)
		require.NoError(c.t, utiljson.Unmarshal(raw, &object), m)
		c.store(pathOf(object), object)
	}
	return c
}

func (c *fakeCluster) remove(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	object := c.objects[path]
	delete(c.objects, path)
	c.version++
	c.record("DELETED", path, object)
}

func (c *fakeCluster) get(path string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.objects[path]
}

// asked is how many requests were made.
func (c *fakeCluster) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

func pathOf(object map[string]any) string {
	group := "/apis/" + fmt.Sprint(object["apiVersion"])
	if object["apiVersion"] == "v1" {
		group = "/api/v1"
	}
	meta := metaOf(object)
	return fmt.Sprintf("%s/namespaces/%s/%ss/%s", group, meta["namespace"], strings.ToLower(fmt.Sprint(object["kind"])), meta["name"])
}

func metaOf(object map[string]any) map[string]any {
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	return meta
}

// store keeps an object under a new version; the caller holds the lock.
func (c *fakeCluster) store(path string, object map[string]any) map[string]any {
	c.version++
	meta := metaOf(object)
	kind := "MODIFIED"
	if _, ok := c.objects[path]; !ok {
		kind = "ADDED"
		if meta["uid"] == nil {
			meta["uid"] = fmt.Sprintf("uid-%d", c.version)
		}
		if meta["creationTimestamp"] == nil {
			meta["creationTimestamp"] = start.Format(time.RFC3339)
		}
	}
	meta["resourceVersion"] = strconv.Itoa(c.version)
	c.objects[path] = object
	c.record(kind, path, object)
	return object
}

func (c *fakeCluster) record(kind, path string, object map[string]any) {
	c.history = append(c.history, change{kind, path, c.version, clone(object)})
	close(c.changed)
	c.changed = make(chan struct{})
}

func clone(object map[string]any) map[string]any {
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := utiljson.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// ServeHTTP is the API.
func (c *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r.Method+" "+r.URL.String())
	c.headers = r.Header
	if r.Header.Get("Authorization") != "Bearer "+clusterToken {
		problem(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized", "")
		return
	}
	if service, rest, ok := strings.Cut(r.URL.Path, "/proxy/"); ok {
		c.proxy(w, r, service, rest)
		return
	}
	kind, namespace, name := split(r.URL.Path)
	group, resource := kind[:strings.LastIndex(kind, "/")], kind[strings.LastIndex(kind, "/")+1:]
	group = strings.TrimPrefix(strings.TrimSuffix(group, "/v1"), "/apis/")
	base, sub, _ := strings.Cut(name, "/")
	if !slices.Contains(fakeKinds, kind) {
		problem(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource", "")
		return
	}
	verb := map[string]string{"GET": "get", "POST": "create", "PATCH": "patch"}[r.Method]
	if r.Method == http.MethodGet && name == "" {
		verb = "list"
		if r.URL.Query().Get("watch") != "" {
			verb = "watch"
		}
	}
	full := resource
	if sub != "" {
		full += "/" + sub
	}
	if c.denied[verb+" "+full] {
		where := "in the namespace \"" + namespace + "\""
		if namespace == "" {
			where = "at the cluster scope"
		}
		problem(w, http.StatusForbidden, "Forbidden", fmt.Sprintf("%s.%s is forbidden: User \"alice\" cannot %s resource %q in API group %q %s", full, group, verb, full, group, where), "")
		return
	}
	switch {
	case sub == "log":
		_, _ = io.WriteString(w, c.logs[base])
	case verb == "list":
		c.list(w, r, kind, namespace)
	case verb == "watch":
		c.watch(w, r, kind, namespace)
	case verb == "get":
		c.answer(w, http.StatusOK, r.URL.Path, resource, name)
	default:
		c.write(w, r, verb, resource, name)
	}
}

// split takes a path apart: /apis/G/V/PLURAL, namespace, the rest.
func split(path string) (kind, namespace, name string) {
	if before, after, ok := strings.Cut(path, "/namespaces/"); ok {
		parts := strings.SplitN(after, "/", 3)
		if len(parts) == 3 {
			name = parts[2]
		}
		return before + "/" + parts[1], parts[0], name
	}
	return path, "", ""
}

func (c *fakeCluster) answer(w http.ResponseWriter, code int, path, resource, name string) {
	object, ok := c.objects[path]
	if !ok {
		problem(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", resource, name), name)
		return
	}
	reply(w, code, object)
}

func (c *fakeCluster) list(w http.ResponseWriter, r *http.Request, kind, namespace string) {
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(c.objects)) {
		if c.selected(r, kind, namespace, path, c.objects[path]) {
			paths = append(paths, path)
		}
	}
	query := r.URL.Query()
	from, _ := strconv.Atoi(query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	meta := map[string]any{"resourceVersion": strconv.Itoa(c.version)}
	to := len(paths)
	if limit > 0 && from+limit < to {
		to = from + limit
		meta["continue"] = strconv.Itoa(to)
	}
	items := []any{}
	for _, path := range paths[from:to] {
		items = append(items, c.objects[path])
	}
	reply(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": meta, "items": items})
}

func (c *fakeCluster) selected(r *http.Request, kind, namespace, path string, object map[string]any) bool {
	k, ns, name := split(path)
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	require.NoError(c.t, err)
	set := labels.Set{}
	if have, ok := metaOf(object)["labels"].(map[string]any); ok {
		for key, value := range have {
			set[key] = fmt.Sprint(value)
		}
	}
	field := strings.TrimPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	return k == kind && (namespace == "" || ns == namespace) && selector.Matches(set) && (field == "" || field == name)
}

// watch tells of every change after a version until the client is gone.
func (c *fakeCluster) watch(w http.ResponseWriter, r *http.Request, kind, namespace string) {
	since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	w.Header().Set("Content-Type", "application/json")
	flusher := w.(http.Flusher)
	flusher.Flush()
	for {
		for _, ch := range c.history {
			if ch.version > since && c.selected(r, kind, namespace, ch.path, ch.object) {
				_ = json.NewEncoder(w).Encode(map[string]any{"type": ch.kind, "object": ch.object})
			}
		}
		since = c.version
		flusher.Flush()
		if c.endWatch {
			return
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		c.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
}

func (c *fakeCluster) write(w http.ResponseWriter, r *http.Request, verb, resource, name string) {
	var sent map[string]any
	raw, err := io.ReadAll(r.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, utiljson.Unmarshal(raw, &sent))
	if c.writes++; c.meddle != nil {
		c.meddle(c, c.writes)
	}
	if verb == "create" {
		path := r.URL.Path + "/" + fmt.Sprint(metaOf(sent)["name"])
		if _, ok := c.objects[path]; ok {
			problem(w, http.StatusConflict, "AlreadyExists", fmt.Sprintf("%s %q already exists", resource, metaOf(sent)["name"]), "x")
			return
		}
		reply(w, http.StatusCreated, c.store(path, sent))
		return
	}
	require.Equal(c.t, "application/merge-patch+json", r.Header.Get("Content-Type"))
	object, ok := c.objects[r.URL.Path]
	if !ok {
		c.answer(w, http.StatusOK, r.URL.Path, resource, name)
		return
	}
	if version := metaOf(sent)["resourceVersion"]; version != nil && version != metaOf(object)["resourceVersion"] {
		problem(w, http.StatusConflict, "Conflict", fmt.Sprintf("Operation cannot be fulfilled on %s %q: the object has been modified", resource, name), name)
		return
	}
	merged := merge(clone(object), sent)
	c.stamp(merged)
	reply(w, http.StatusOK, c.store(r.URL.Path, merged))
}

// stamp writes down who decided and who cancelled.
func (c *fakeCluster) stamp(run map[string]any) {
	spec, _ := run["spec"].(map[string]any)
	decisions, _ := spec["decisions"].([]any)
	for _, d := range decisions {
		if d := d.(map[string]any); d["user"] == nil {
			d["user"] = c.me
		}
	}
	if cancel, ok := spec["cancel"].(map[string]any); ok && cancel["user"] == nil {
		cancel["user"] = c.me
	}
}

func merge(into, patch map[string]any) map[string]any {
	for k, v := range patch {
		deeper, isMap := v.(map[string]any)
		have, ok := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case isMap && ok:
			into[k] = merge(have, deeper)
		default:
			into[k] = v
		}
	}
	return into
}

func (c *fakeCluster) proxy(w http.ResponseWriter, r *http.Request, service, path string) {
	if c.denied["create services/proxy"] {
		problem(w, http.StatusForbidden, "Forbidden", `services "broker-ingress" is forbidden: User "alice" cannot create resource "services/proxy" in API group "" in the namespace "knative-eventing"`, "")
		return
	}
	require.Equal(c.t, "/api/v1/namespaces/knative-eventing/services/broker-ingress:80", service)
	require.Equal(c.t, http.MethodPost, r.Method)
	require.Equal(c.t, "application/cloudevents+json", r.Header.Get("Content-Type"))
	var e map[string]any
	require.NoError(c.t, json.NewDecoder(r.Body).Decode(&e))
	e["path"] = path
	c.received = append(c.received, e)
	w.WriteHeader(c.broker)
	if c.broker >= http.StatusBadRequest {
		_, _ = io.WriteString(w, "no such broker\x1b[2J")
	}
}

func reply(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

func problem(w http.ResponseWriter, code int, reason, message, name string) {
	status := map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code}
	if name != "" {
		status["details"] = map[string]any{"name": name}
	}
	reply(w, code, status)
}
