// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/verdict"
)

// headerUser lets somebody act as somebody else, as it does in a cluster. It can
// be trusted as little as whoever may reach aof dev.
const headerUser = "Impersonate-User"

// user is who asks.
func (a *api) user(r *http.Request) string {
	if name := r.Header.Get(headerUser); name != "" {
		return shorten(name)
	}
	for _, variable := range []string{"USER", "LOGNAME", "USERNAME"} {
		if name := a.server.settings.Getenv(variable); name != "" {
			return shorten(name)
		}
	}
	return "local"
}

func shorten(name string) string {
	const most = 253
	if len(name) > most {
		name = name[:most]
	}
	return name
}

// runPatch is what a patch may say.
type runPatch struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		Decisions []aofv1.RunDecision `json:"decisions"`
		Cancel    *aofv1.RunCancel    `json:"cancel"`
	} `json:"spec"`
}

// change makes a run, or decides or cancels one.
func (a *api) change(w http.ResponseWriter, r *http.Request, namespace, name string) {
	wanted := "application/json"
	if name != "" {
		wanted = "application/merge-patch+json"
	}
	// A page in somebody's browser can't send these without asking.
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != wanted {
		writeError(w, apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, r.Method, aofv1.Resource("flowruns"), name, "send "+wanted, 0, true))
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxRunBytes))
	if err != nil {
		writeError(w, apierrors.NewRequestEntityTooLargeError("a run may have 1 MiB"))
		return
	}
	var run *aofv1.FlowRun
	if name == "" {
		run, err = a.create(r, namespace, raw)
	} else {
		run, err = a.patch(r, namespace, name, raw)
	}
	if err != nil {
		writeError(w, apiError(name, err))
		return
	}
	a.server.dispatcher.submit(types.NamespacedName{Namespace: run.Namespace, Name: run.Name})
	setKind(run)
	code := http.StatusOK
	if name == "" {
		code = http.StatusCreated
	}
	writeJSON(w, code, run)
}

// create makes a run by hand, of a plan that is there.
func (a *api) create(r *http.Request, namespace string, raw []byte) (*aofv1.FlowRun, error) {
	run := &aofv1.FlowRun{}
	if err := json.Unmarshal(raw, run); err != nil {
		return nil, apierrors.NewBadRequest("the body is no FlowRun")
	}
	run.Namespace, run.Status, run.ResourceVersion = namespace, aofv1.FlowRunStatus{}, ""
	run.Spec.Decisions, run.Spec.Cancel = nil, nil
	if err := run.Validate(r.Context()); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if _, err := (&storedPlans{store: a.server.store}).Plan(r.Context(), namespace, run.Spec.Plan); err != nil {
		return nil, apierrors.NewBadRequest("spec.plan: there is no such plan; what was loaded before may be gone")
	}
	return run, a.server.store.Create(r.Context(), run)
}

var errStale = errors.New("the run has changed")

// patch adds decisions and sets cancel. Who asks is stamped, as at admission in a
// cluster; what does not count is refused at once, with the reason.
func (a *api) patch(r *http.Request, namespace, name string, raw []byte) (*aofv1.FlowRun, error) {
	var patch runPatch
	if err := json.Unmarshal(raw, &patch); err != nil {
		return nil, apierrors.NewBadRequest("the body is no merge patch of a FlowRun")
	}
	now := a.server.settings.Clock.Now()
	current, err := a.server.store.Get(r.Context(), namespace, name)
	if err != nil {
		return nil, err
	}
	if v := patch.Metadata.ResourceVersion; v != "" && v != current.ResourceVersion {
		return nil, errStale
	}
	before := len(current.Spec.Decisions)
	var added []aofv1.RunDecision
	if patch.Spec.Decisions != nil {
		if len(patch.Spec.Decisions) < before {
			return nil, apierrors.NewBadRequest("spec.decisions: decisions are added, never removed")
		}
		added = patch.Spec.Decisions[before:]
	}
	for i := range added {
		added[i].User, added[i].Aliases, added[i].At = a.user(r), nil, metav1.NewMicroTime(now)
		if answer := verdict.Judge(current, added[i], now); answer != guard.Accepted {
			return nil, refusal(name, answer)
		}
	}
	if c := patch.Spec.Cancel; c != nil {
		if current.IsDone() {
			return nil, refusal(name, guard.Late)
		}
		c.User = a.user(r)
	}
	return a.server.amend(r.Context(), current, added, patch.Spec.Cancel)
}

// amend adds to a run, if nobody has decided anything since it was read.
func (s *Server) amend(ctx context.Context, read *aofv1.FlowRun, added []aofv1.RunDecision, cancel *aofv1.RunCancel) (*aofv1.FlowRun, error) {
	return s.store.Amend(ctx, read.Namespace, read.Name, func(spec *aofv1.FlowRunSpec) error {
		if len(spec.Decisions) != len(read.Spec.Decisions) {
			return errStale
		}
		spec.Decisions = append(spec.Decisions, added...)
		if spec.Cancel == nil {
			spec.Cancel = cancel
		}
		return nil
	})
}

// refusal says why a decision does not count.
func refusal(name string, answer guard.Answer) error {
	if answer == guard.Foreign || answer == guard.Self {
		return apierrors.NewForbidden(aofv1.Resource("flowruns"), name, errors.New(answer.Text()))
	}
	return apierrors.NewBadRequest(answer.Text())
}

func apiError(name string, err error) error {
	resource := aofv1.Resource("flowruns")
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return apierrors.NewNotFound(resource, name)
	case errors.Is(err, ledger.ErrExists):
		return apierrors.NewAlreadyExists(resource, name)
	case errors.Is(err, errStale):
		return apierrors.NewConflict(resource, name, errStale)
	case errors.Is(err, ledger.ErrInvalid):
		return apierrors.NewBadRequest(err.Error())
	case errors.Is(err, ledger.ErrTooLarge):
		return apierrors.NewRequestEntityTooLargeError(err.Error())
	default:
		return err
	}
}
