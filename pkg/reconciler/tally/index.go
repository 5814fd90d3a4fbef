// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// The indexes over runs. A count looks at the runs of its binding only, and at
// those that are over only.
const (
	indexFinished = "tally.finished"
	indexUnfolded = "tally.unfolded"
)

// Indexers are the indexes that the cache of runs must have.
func Indexers() cache.Indexers {
	return cache.Indexers{
		indexFinished: func(obj any) ([]string, error) { return valueIf(obj, (*aofv1.FlowRun).IsDone), nil },
		indexUnfolded: func(obj any) ([]string, error) { return valueIf(obj, unfolded), nil },
	}
}

func valueIf(obj any, wanted func(*aofv1.FlowRun) bool) []string {
	if run, ok := obj.(*aofv1.FlowRun); ok && wanted(run) {
		return []string{keyOf(run).String()}
	}
	return nil
}

// unfolded says that a run is over and does not say that it has been counted.
func unfolded(run *aofv1.FlowRun) bool { return run.IsDone() && !folded(run) }

func folded(run *aofv1.FlowRun) bool { return run.Labels[ledger.LabelFolded] == "true" }

// keyOf is the key under which a run is counted: its binding's. Runs started
// without a binding are counted together in their namespace, under a key without
// a name.
func keyOf(run *aofv1.FlowRun) types.NamespacedName {
	if b := run.Spec.Binding; b != nil {
		return b.NamespacedName(run.Namespace)
	}
	return types.NamespacedName{Namespace: run.Namespace}
}

// runsAt gives the cached runs that an index has for a key.
func runsAt(runs cache.Indexer, index string, key types.NamespacedName) ([]*aofv1.FlowRun, error) {
	objects, err := runs.ByIndex(index, key.String())
	if err != nil {
		return nil, err
	}
	out := make([]*aofv1.FlowRun, 0, len(objects))
	for _, obj := range objects {
		if run, ok := obj.(*aofv1.FlowRun); ok {
			out = append(out, run)
		}
	}
	return out, nil
}

// Trim takes out of a run what no reconciler looks at: the event but for its id,
// what nodes and run came to, its audit records, and who wrote which field. It keeps the cache of
// all runs of a cluster small. Nothing may be written back from that cache.
func Trim(obj any) (any, error) {
	run, ok := obj.(*aofv1.FlowRun)
	if !ok {
		return obj, nil
	}
	run.ManagedFields = nil
	run.Spec.Event.Raw = only(run.Spec.Event.Raw, "id")
	run.Status.Result = nil
	if a := run.Status.Audit; a != nil {
		a.Pending = nil // the counts tell how many there are
	}
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		n.Exports, n.Wait = nil, nil
		if n.Output != nil {
			n.Output.Raw = only(n.Output.Raw, "agent")
		}
	}
	return run, nil
}

// only reduces a JSON object to one of its texts.
func only(raw []byte, name string) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return []byte("{}")
	}
	var text string
	if json.Unmarshal(object[name], &text) != nil {
		return []byte("{}")
	}
	out, err := json.Marshal(map[string]string{name: text})
	if err != nil {
		return []byte("{}")
	}
	return out
}
