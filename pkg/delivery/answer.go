// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/runner"
)

// retryAfter is how many seconds a delivery that came too early should stay
// away: about what is left of a lease when its holder has died.
const retryAfter = 10

// answer is what the broker is told.
type answer struct {
	status int
	// text is for people; only refusals have one.
	text string
	// event is sent back to the broker with a 2xx.
	event *cloudevents.Event
}

var done = answer{status: http.StatusOK}

func unavailable(text string) answer {
	return answer{status: http.StatusServiceUnavailable, text: text}
}

func write(w http.ResponseWriter, a answer) {
	header := w.Header()
	if a.event != nil {
		if body, err := json.Marshal(a.event); err == nil {
			header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
			w.WriteHeader(a.status)
			_, _ = w.Write(body) // a broker that is gone will deliver again
			return
		}
		a = unavailable("the run is to be resumed")
	}
	if a.status < http.StatusMultipleChoices {
		w.WriteHeader(a.status) // a body that is no CloudEvent would count as an error
		return
	}
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	switch a.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.text + "\n"))
}

// outcome says what becomes of a delivery whose run was carried on.
func (h *Handler) outcome(d delivery, run *aofv1.FlowRun, err error) answer {
	switch {
	case err == nil:
		h.Log.Info("run carried on", "run", run.Name, "binding", d.binding, "phase", run.Status.Phase,
			"took", h.Clock.Since(d.since).String(), "traceparent", d.trace.Parent)
		return done
	case errors.Is(err, runner.ErrYielded):
		h.Log.Info("run yielded", "run", run.Name, "binding", d.binding)
		return h.resume(d, run)
	case errors.Is(err, runner.ErrBusy):
		return answer{status: http.StatusTooManyRequests, text: "another runner works on the run"}
	case errors.Is(err, runner.ErrLost):
		// Whoever changed the run may have gone on with it or not; the next
		// delivery finds out.
		return answer{status: http.StatusTooManyRequests, text: "the run was changed meanwhile"}
	default:
		h.Log.Warn("run stopped", "run", run.Name, "binding", d.binding, "error", shorten(err.Error()))
		return unavailable("the run could not be carried on now")
	}
}

// stored says what becomes of a delivery when the ledger gave an error.
func (h *Handler) stored(d delivery, what string, err error) answer {
	h.Log.Warn(what, "binding", d.binding, "event", d.event.ID(), "error", shorten(err.Error()))
	if errors.Is(err, ledger.ErrTooLarge) || errors.Is(err, ledger.ErrInvalid) {
		return refusalOf(err)
	}
	return unavailable("the ledger can't be reached now")
}

// resume makes the event that has the run carried on from where it yielded.
func (h *Handler) resume(d delivery, run *aofv1.FlowRun) answer {
	e := cloudevents.New()
	e.SetID(string(run.UID) + "-" + run.ResourceVersion)
	e.SetSource("/namespaces/" + run.Namespace + "/flowruns/" + run.Name)
	e.SetType(names.TypeResume)
	e.SetTime(h.Clock.Now())
	if t := run.Spec.Trigger; t != nil {
		e.SetExtension(event.ExtensionTrigger, t.Name)
	}
	e.SetExtension(event.ExtensionMatch, "|"+h.Namespace+"/"+d.binding+"|")
	e.SetExtension(names.ExtensionRun, run.Name)
	d.trace.SetEvent(&e)
	return answer{status: http.StatusAccepted, event: &e}
}
