// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/ledger/sqlite"
	"aof.dev/operator/pkg/manifest"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/document"
	"aof.dev/operator/pkg/runner"
)

// Where a Server answers beside its Triggers. No namespace may be called so.
const (
	pathEvents = "/events/"
	pathAPI    = "/apis/"
	pathHealth = "/healthz"
)

// saveEvery is how often event counters are put into the ledger.
const saveEvery = time.Second

// sweepKeysEvery is how often business keys are removed whose windows are over.
const sweepKeysEvery = time.Minute

// Server is `aof dev`: one process that serves a composition.
type Server struct {
	settings   Settings
	log        *slog.Logger
	store      *sqlite.Store
	counters   *counters
	once       *once.Maker
	keys       *document.Store
	runner     *runner.Runner
	dispatcher *dispatcher
	adapter    *adapter.Server
	scene      atomic.Pointer[scene]
	reload     sync.Mutex
}

// Open loads the composition and opens the ledger in dir. The problems that keep
// it from being served come back as an error; warnings are logged.
func Open(ctx context.Context, s Settings, dir string, log *slog.Logger) (*Server, error) {
	store, err := sqlite.Open(ctx, dir, sqlite.Options{Clock: s.Clock})
	if err != nil {
		return nil, err
	}
	server := &Server{settings: s, log: log, store: store, counters: newCounters(), keys: document.New(store)}
	server.once = &once.Maker{Runs: store, Keys: server.keys, Clock: s.Clock}
	server.runner = s.newRunner(store, &storedPlans{store: store}, server)
	server.dispatcher = newDispatcher(store, s.Clock, log, server.carry)
	server.dispatcher.turns = server.turns
	server.adapter = adapter.New(server, server, s.Clock)
	if err := server.counters.load(ctx, store); err != nil {
		return nil, errors.Join(fmt.Errorf("read counters: %w", err), store.Close())
	}
	if err := server.Reload(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return server, nil
}

// Close closes the ledger. Serve must have returned.
func (s *Server) Close() error { return s.store.Close() }

// World is the composition that is served.
func (s *Server) World() *World { return s.current().world }

func (s *Server) current() *scene { return s.scene.Load() }

// Reload reads the files again. When they have errors the composition served
// until now stays, and the error says what is wrong.
func (s *Server) Reload(ctx context.Context) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	world, problems := Load(s.settings.Files, manifest.Options{})
	for _, p := range problems {
		if p.Level == manifest.LevelWarning {
			s.log.Warn(p.Error())
		}
	}
	if world == nil {
		wrong := manifest.Errors(problems)
		errs := make([]error, 0, len(wrong))
		for _, p := range wrong {
			errs = append(errs, p)
		}
		return errors.Join(errs...)
	}
	next, err := s.stage(world)
	if err != nil {
		return err
	}
	if err := s.keepPlans(ctx, world); err != nil {
		return err
	}
	for _, b := range world.Bindings() {
		if b.Err != nil {
			s.log.Warn("binding is not ready", "binding", b.Key().String(), "error", b.Err)
		}
	}
	s.scene.Store(next)
	s.adapter.SetRoutes(next.routes)
	return nil
}

// Handler answers everything the server answers.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathHealth, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle(pathEvents, adapter.CloudEvents(pathEvents, s.deliver))
	mux.Handle(pathAPI, &api{server: s})
	mux.Handle("/", s.adapter)
	return mux
}

// Serve answers on the listener, carries runs out and follows changes of the
// files until the context ends. Runs under way are then left to the next start.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var background sync.WaitGroup
	background.Go(func() { s.dispatcher.serve(ctx) })
	background.Go(func() { s.saveCounters(ctx) })
	background.Go(func() { s.sweepKeys(ctx) })
	background.Go(func() { s.follow(ctx) })

	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case <-ctx.Done():
		err = server.Shutdown(context.WithoutCancel(ctx))
	case err = <-failed:
	}
	stop()
	background.Wait()
	if saved := s.counters.save(context.WithoutCancel(ctx), s.store); saved != nil {
		err = errors.Join(err, saved)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) saveCounters(ctx context.Context) {
	ticker := s.settings.Clock.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			if err := s.counters.save(ctx, s.store); err != nil && ctx.Err() == nil {
				s.log.Error("save counters", "error", err)
			}
		}
	}
}

// sweepKeys removes the business keys whose windows are over.
func (s *Server) sweepKeys(ctx context.Context) {
	ticker := s.settings.Clock.NewTicker(sweepKeysEvery)
	defer ticker.Stop()
	for {
		if _, err := s.keys.Sweep(ctx, s.settings.Clock.Now()); err != nil && ctx.Err() == nil {
			s.log.Error("remove business keys", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}

// carry has one run carried on, and folded when it is over.
func (s *Server) carry(ctx context.Context, key types.NamespacedName) error {
	run, err := s.runner.Run(ctx, key.Namespace, key.Name)
	if run != nil {
		s.dispatcher.remember(run)
	}
	if err != nil {
		return err
	}
	s.log.Info("run "+string(run.Status.Phase), "run", run.Name, "namespace", run.Namespace, "duration", run.Status.Duration)
	if run.IsDone() {
		return s.fold(ctx)
	}
	return nil
}

// Endpoint is one Trigger's place in the server.
type Endpoint struct {
	Type string
	Path string
	// Err says why it is not served.
	Err error
}

// Endpoints are the places of all Triggers, sorted by path.
func (s *Server) Endpoints() []Endpoint {
	scene := s.current()
	var out []Endpoint
	for key, t := range scene.world.triggers {
		out = append(out, Endpoint{Type: string(t.Spec.Type), Path: "/" + key.String(), Err: scene.errs[key]})
	}
	slices.SortFunc(out, func(a, b Endpoint) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// Namespaces are those that have a Trigger, sorted: CloudEvents may be sent there.
func (s *Server) Namespaces() []string {
	var out []string
	for key := range s.current().world.triggers {
		out = append(out, key.Namespace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
