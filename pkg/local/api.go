// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// kinds by their plural, as they stand in paths.
var kinds = map[string]string{
	"contexts": "Context", "triggers": "Trigger", "flowbindings": "FlowBinding", "agents": "Agent",
	"agentfleets": "AgentFleet", "agentflows": "AgentFlow", "flowruns": "FlowRun",
}

// api answers reads of our kinds as a Kubernetes API server does (ADR 0005).
type api struct{ server *Server }

// ServeHTTP answers GET /apis/aof.dev/v1/[namespaces/NS/]PLURAL[/NAME], and what
// may be done with runs: POST makes one, PATCH decides and cancels.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	namespace, plural, name, err := readPath(r)
	if err != nil {
		writeError(w, err)
		return
	}
	if r.Method != http.MethodGet {
		a.change(w, r, namespace, name)
		return
	}
	if plural == "flowruns" && name != "" {
		a.run(w, r, namespace, name)
		return
	}
	objects, err := a.list(r, namespace, plural)
	if err != nil {
		writeError(w, err)
		return
	}
	if name == "" {
		writeJSON(w, http.StatusOK, listOf(kinds[plural]+"List", objects))
		return
	}
	for _, o := range objects {
		if accessor, err := meta.Accessor(o); err == nil && accessor.GetName() == name {
			writeJSON(w, http.StatusOK, o)
			return
		}
	}
	writeError(w, apierrors.NewNotFound(aofv1.Resource(plural), name))
}

func readPath(r *http.Request) (namespace, plural, name string, err error) {
	unknown := apierrors.NewGenericServerResponse(http.StatusNotFound, "get", aofv1.Resource("*"), "", "aof dev serves /apis/aof.dev/v1/[namespaces/NS/]KIND[/NAME] and no more", 0, true)
	rest, ok := strings.CutPrefix(r.URL.Path, pathAPI+"aof.dev/v1/")
	if !ok {
		return "", "", "", unknown
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	if parts[0] == "namespaces" && len(parts) >= 3 {
		namespace, parts = parts[1], parts[2:]
	}
	if _, known := kinds[parts[0]]; !known || len(parts) > 2 || (len(parts) == 2 && namespace == "") {
		return "", "", "", unknown
	}
	if len(parts) == 2 {
		name = parts[1]
	}
	makes, changes := r.Method == http.MethodPost && name == "" && namespace != "", r.Method == http.MethodPatch && name != ""
	if r.Method != http.MethodGet && (parts[0] != "flowruns" || !makes && !changes) {
		return "", "", "", apierrors.NewMethodNotSupported(aofv1.Resource(parts[0]), strings.ToLower(r.Method)+": aof dev is read-only, but for making, deciding and cancelling runs; change the files instead")
	}
	return namespace, parts[0], name, nil
}

func (a *api) run(w http.ResponseWriter, r *http.Request, namespace, name string) {
	run, err := a.server.store.Get(r.Context(), namespace, name)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		writeError(w, apierrors.NewNotFound(aofv1.Resource("flowruns"), name))
	case err != nil:
		writeError(w, err)
	default:
		setKind(run)
		writeJSON(w, http.StatusOK, run)
	}
}

// maxRuns bounds a listing of runs; it gives the newest.
const maxRuns = 500

func (a *api) list(r *http.Request, namespace, plural string) ([]runtime.Object, error) {
	if plural == "flowruns" {
		list, err := a.server.store.List(r.Context(), ledger.ListOptions{Namespace: namespace, NewestFirst: true, Limit: maxRuns})
		if err != nil {
			return nil, err
		}
		out := make([]runtime.Object, 0, len(list.Items))
		for i := range list.Items {
			setKind(&list.Items[i])
			out = append(out, &list.Items[i])
		}
		return out, nil
	}
	all, err := a.server.show(r.Context(), plural)
	if err != nil {
		return nil, err
	}
	type named struct {
		key    string
		object runtime.Object
	}
	var kept []named
	for _, o := range all {
		accessor, err := meta.Accessor(o)
		if err != nil {
			return nil, err
		}
		if namespace == "" || accessor.GetNamespace() == namespace {
			kept = append(kept, named{accessor.GetNamespace() + "/" + accessor.GetName(), o})
		}
	}
	slices.SortFunc(kept, func(a, b named) int { return cmp.Compare(a.key, b.key) })
	out := make([]runtime.Object, 0, len(kept))
	for _, k := range kept {
		out = append(out, k.object)
	}
	return out, nil
}

func setKind(run *aofv1.FlowRun) {
	run.TypeMeta = metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRun"}
}

func listOf(kind string, items []runtime.Object) map[string]any {
	if items == nil {
		items = []runtime.Object{}
	}
	return map[string]any{
		"apiVersion": aofv1.SchemeGroupVersion.String(), "kind": kind, "metadata": map[string]any{"resourceVersion": ""}, "items": items,
	}
}

func writeError(w http.ResponseWriter, err error) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		status = apierrors.NewInternalError(fmt.Errorf("the ledger can't be read: %w", err))
	}
	s := status.Status()
	s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	writeJSON(w, int(s.Code), &s)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone has no use for the error
}
