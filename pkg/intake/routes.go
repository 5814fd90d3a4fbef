// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/source"
)

const (
	// fresh is how long a route is believed without asking.
	fresh = time.Second
	// readTimeout bounds the reads that make a route.
	readTimeout = 1500 * time.Millisecond
	// maxRoutes bounds how many routes are kept, maxAbsent how many paths that
	// are nobody's, maxReads how many routes are read at once.
	maxRoutes = 4096
	maxAbsent = 1024
	maxReads  = 32
)

// Objects reads what a Trigger is served from.
type Objects interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
}

// Options is what routes are made of.
type Options struct {
	Objects Objects
	Runs    Runs
	// Once creates the runs of bindings that look for duplicates. Without it there
	// must be none.
	Once      Once
	Broker    Broker
	Counts    *Counts
	Platforms *source.Registry
	// HTTPClient makes the calls to platforms, BaseURL gives the address of the
	// API of a Trigger's type; nil or empty is the real one.
	HTTPClient *http.Client
	BaseURL    func(triggerType string) string
	Clock      clock.PassiveClock
	Log        *slog.Logger
}

// Routes finds routes in the cluster and remembers them for a moment.
type Routes struct {
	options Options
	reads   chan struct{}

	mu sync.Mutex
	// known and absent hold what was found at a path, flights the reads under way.
	known   *lru.Cache
	absent  *lru.Cache
	flights map[types.NamespacedName]*flight
}

var _ adapter.Routes = (*Routes)(nil)

// flight is one read of a route, for everybody who waits for it.
type flight struct {
	began time.Time
	done  chan struct{}
	// found and err are set before done is closed; found is nil for a path that
	// is nobody's.
	found *found
	err   error
}

// found is what stands at a path, as it was when the read of it began.
type found struct {
	route adapter.Route
	// stream is set when the Trigger's events come over a connection of ours.
	stream source.Stream
	at     time.Time
}

// NewRoutes makes Routes that know nothing yet.
func NewRoutes(o Options) *Routes {
	return &Routes{
		options: o, reads: make(chan struct{}, maxReads),
		known: lru.New(maxRoutes), absent: lru.New(maxAbsent), flights: map[types.NamespacedName]*flight{},
	}
}

// namespaceName and triggerName are what names of objects look like; for any
// other path nobody has to be asked.
var (
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	triggerName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// Route implements adapter.Routes. Many who ask for one route wait for one read.
func (r *Routes) Route(ctx context.Context, namespace, trigger string, since time.Time) (adapter.Route, bool, error) {
	f, err := r.find(ctx, types.NamespacedName{Namespace: namespace, Name: trigger}, since)
	if f == nil || err != nil {
		return adapter.Route{}, false, err
	}
	return f.route, true, nil
}

// Stream gives the connection that a Trigger wants to be kept open; nil when it
// wants none. Version changes with anything that the connection is made from.
func (r *Routes) Stream(ctx context.Context, key types.NamespacedName) (stream source.Stream, version string, err error) {
	f, err := r.find(ctx, key, time.Time{})
	if f == nil || err != nil {
		return nil, "", err
	}
	return f.stream, f.route.Version, f.route.Err
}

// find gives what stands at a path; nil when that is nobody's.
func (r *Routes) find(ctx context.Context, key types.NamespacedName, since time.Time) (*found, error) {
	if !namespaceName.MatchString(key.Namespace) || !triggerName.MatchString(key.Name) {
		return nil, nil
	}
	if since.IsZero() {
		since = r.options.Clock.Now().Add(-fresh)
	}
	for {
		known, here, f := r.look(ctx, key, since)
		if here {
			return known, nil
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if !f.began.Before(since) {
			return f.found, f.err
		}
	}
}

// look gives what is known, if it is new enough, else the read to wait for.
func (r *Routes) look(ctx context.Context, key types.NamespacedName, since time.Time) (known *found, here bool, f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last *found
	if v, ok := r.known.Get(key); ok {
		if last, _ = v.(*found); last != nil && !last.at.Before(since) {
			return last, true, nil
		}
	}
	if v, ok := r.absent.Get(key); ok {
		if at, _ := v.(time.Time); !at.Before(since) {
			return nil, true, nil
		}
	}
	if f, ok := r.flights[key]; ok {
		return nil, false, f
	}
	f = &flight{began: r.options.Clock.Now(), done: make(chan struct{})}
	r.flights[key] = f
	// Others wait for this read too, so it doesn't end with who asked first.
	go r.fly(context.WithoutCancel(ctx), key, f, last)
	return nil, false, f
}

// fly reads a route and remembers it.
func (r *Routes) fly(ctx context.Context, key types.NamespacedName, f *flight, last *found) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, errSlow)
	defer cancel()
	f.found, f.err = r.read(ctx, key, f.began, last)
	if f.err != nil {
		r.options.Log.Warn("route can't be read", "trigger", key.String(), "error", bounded(f.err))
	}
	r.mu.Lock()
	switch {
	case f.err != nil:
	case f.found == nil:
		r.known.Remove(key)
		r.absent.Add(key, f.began)
	default:
		r.absent.Remove(key)
		r.known.Add(key, f.found)
	}
	delete(r.flights, key)
	r.mu.Unlock()
	close(f.done)
}

var errSlow = errors.New("the Kubernetes API did not answer in time")

// read reads the table and, when it refers to any, the credentials. A route of
// which nothing changed stays what it is, with all that its platform remembers.
func (r *Routes) read(ctx context.Context, key types.NamespacedName, at time.Time, last *found) (*found, error) {
	select {
	case r.reads <- struct{}{}:
		defer func() { <-r.reads }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	object, err := r.options.Objects.ConfigMap(ctx, key.Namespace, names.Routes(key.Name))
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		// We may read the tables of Triggers that there are, by name.
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get ConfigMap %s: %w", names.Routes(key.Name), err)
	}
	table, err := decode(object, key)
	if err != nil {
		return &found{at: at, route: r.broken(key, object, err)}, nil
	}
	secrets, err := r.credentials(ctx, table)
	if err != nil {
		return nil, err
	}
	version := object.ResourceVersion + "/" + secrets.version
	if last != nil && last.route.Version == version {
		return &found{at: at, route: last.route, stream: last.stream}, nil
	}
	next := r.open(key, table, secrets, version)
	next.at = at
	return next, nil
}
