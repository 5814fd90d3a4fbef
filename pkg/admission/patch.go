// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// stamped are the fields of a run's spec that admission may write. The event is
// none of them: it stays as it came, to the byte.
var stamped = []string{"flow", "binding", "trigger", "context", "decisions", "cancel"}

// operation is one step of a JSON patch.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Admit answers a mutating admission request for a run: the JSON patch that
// brings its references to their canonical form and stamps it. The patch is nil
// when nothing is to be changed.
func (r *Runs) Admit(ctx context.Context, request *admissionv1.AdmissionRequest) ([]byte, error) {
	if r.Processes.run(request.UserInfo.Username, request.Namespace) || request.SubResource != "" {
		return nil, nil
	}
	run, err := readRun(request.Object.Raw)
	if err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	var old *aofv1.FlowRun
	if len(request.OldObject.Raw) > 0 {
		if old, err = readRun(request.OldObject.Raw); err != nil {
			return nil, fmt.Errorf("read the run as it stands: %w", err)
		}
	}
	run.SetDefaults(ctx)
	r.Stamp(&request.UserInfo, old, run)
	return patch(request.Object.Raw, run)
}

func readRun(raw []byte) (*aofv1.FlowRun, error) {
	run := &aofv1.FlowRun{}
	if err := json.Unmarshal(raw, run); err != nil {
		return nil, err
	}
	return run, nil
}

// patch replaces each stamped field whose value is another than the one written.
func patch(written []byte, run *aofv1.FlowRun) ([]byte, error) {
	var before struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(written, &before); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(run.Spec)
	if err != nil {
		return nil, err
	}
	after := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &after); err != nil {
		return nil, err
	}
	var operations []operation
	for _, field := range stamped {
		if is, was := after[field], before.Spec[field]; len(is) > 0 && !sameJSON(is, was) {
			operations = append(operations, operation{Op: "add", Path: "/spec/" + field, Value: is})
		}
	}
	if len(operations) == 0 {
		return nil, nil
	}
	return json.Marshal(operations)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
