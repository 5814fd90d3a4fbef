// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/trace"
)

// Carrier carries runs on; *runner.Runner is one.
type Carrier interface {
	Carry(ctx context.Context, run *aofv1.FlowRun) (*aofv1.FlowRun, error)
}

// Once creates a run unless another event with the same business key has started
// one; *once.Maker does.
type Once interface {
	Create(ctx context.Context, b claim.Binding, e cloudevents.Event, m event.Message, run *aofv1.FlowRun) error
}

// Options is what a Handler works with. All but Log must be set.
type Options struct {
	// Namespace is the only one whose bindings are served.
	Namespace string
	Store     ledger.Store
	Plans     *Plans
	Runs      Carrier
	// Once creates the runs of bindings that look for duplicates. Without it there
	// must be none.
	Once  Once
	Clock clock.PassiveClock
	// Timeout bounds the work for one request, with time left to answer.
	Timeout time.Duration
	Log     *slog.Logger
}

// Handler serves deliveries.
type Handler struct {
	Options

	mux *http.ServeMux
	// work is the context of all that is carried on: it ends with the process,
	// not with the connection that brought the event, since a broker that goes
	// away must not cut off what has begun.
	work context.Context //nolint:containedctx // see above
	stop context.CancelFunc
}

var _ http.Handler = (*Handler)(nil)

// New makes the handler. All its work ends with the context.
func New(ctx context.Context, o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{Options: o, mux: http.NewServeMux()}
	h.work, h.stop = context.WithCancel(ctx)
	h.mux.HandleFunc("GET /healthz", h.health)
	h.mux.Handle("POST /bindings/{binding}", h.deliveries(h.deliver))
	h.mux.Handle("POST /dead-letters/{binding}", h.deliveries(h.deadLetter))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Stop has no more work begun and the runs that are under way given back, so
// that the next process can go on with them at once. Requests that wait for them
// are answered 503.
func (h *Handler) Stop() { h.stop() }

func (h *Handler) health(w http.ResponseWriter, _ *http.Request) {
	if h.work.Err() != nil {
		write(w, answer{status: http.StatusServiceUnavailable, text: "stopping"})
		return
	}
	w.WriteHeader(http.StatusOK)
}

// deliveries is what both paths have in common: reading the request, and
// answering it whatever happens.
func (h *Handler) deliveries(handle func(context.Context, delivery) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, refusal := h.read(w, r)
		if refusal.status != 0 {
			write(w, refusal)
			return
		}
		write(w, h.attend(d, handle))
	})
}

// attend works on one delivery within its time.
func (h *Handler) attend(d delivery, handle func(context.Context, delivery) answer) (a answer) {
	ctx, cancel := context.WithTimeout(h.work, h.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			h.Log.Error("a delivery panicked", "binding", d.binding, "event", d.event.ID(), "panic", fmt.Sprint(p))
			a = answer{status: http.StatusInternalServerError, text: "internal error"}
		}
	}()
	if h.work.Err() != nil {
		return unavailable("the runner is stopping")
	}
	return handle(trace.With(ctx, d.trace), d)
}

// read takes a request apart. The answer has a status when that can't be done.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (delivery, answer) {
	d := delivery{binding: r.PathValue("binding"), plan: r.URL.Query().Get("plan"), since: h.Clock.Now()}
	if len(validation.IsDNS1123Subdomain(d.binding)) > 0 {
		return d, answer{status: http.StatusBadRequest, text: "the path names no binding"}
	}
	if len(validation.IsDNS1123Subdomain(d.plan)) > 0 {
		return d, answer{status: http.StatusBadRequest, text: "the parameter plan names no plan"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxRequestBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return d, answer{status: http.StatusRequestEntityTooLarge, text: "the event is larger than may be"}
	}
	if err != nil {
		return d, unavailable("the body could not be read")
	}
	if d.event, err = event.FromRequest(r.Context(), r.Header, body); err != nil {
		return d, refusalOf(err)
	}
	if d.trace = trace.FromEvent(d.event); d.trace.IsZero() {
		d.trace = trace.FromHeader(r.Header)
	}
	return d, answer{}
}

func refusalOf(err error) answer {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, event.ErrMedia):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, event.ErrTooLarge), errors.Is(err, ledger.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	}
	return answer{status: status, text: shorten(err.Error())}
}

// shorten bounds what is said of somebody else's event.
func shorten(s string) string {
	const most = 500
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
