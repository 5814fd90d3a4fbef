// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
)

// noteColumn shows what noted writes into the objects.
var noteColumn = apiextensionsv1.CustomResourceColumnDefinition{Name: "Note", Type: "string", JSONPath: ".note"}

const maxNote = 70

// noted gives the runs with a note of what people ask next: what a run waits for,
// or why it failed.
func noted(items []unstructured.Unstructured, now time.Time) []unstructured.Unstructured {
	out := make([]unstructured.Unstructured, 0, len(items))
	for i := range items {
		u := *items[i].DeepCopy()
		if run, err := readRun(&u); err == nil {
			u.Object["note"] = oneLine(note(run, now), maxNote)
		}
		out = append(out, u)
	}
	return out
}

func note(run *aofv1.FlowRun, now time.Time) string {
	s := &run.Status
	switch {
	case s.Error != nil:
		return nameOf(s.Error.Node) + strings.Trim(s.Error.Reason+": "+s.Error.Message, ": ")
	case s.Phase == aofv1.FlowRunPhaseCancelled && run.Spec.Cancel != nil:
		return cancelText(run.Spec.Cancel)
	case s.Phase.IsFinal():
		return ""
	case run.Spec.Cancel != nil:
		return "is to be " + cancelText(run.Spec.Cancel)
	}
	parts := make([]string, 0, len(s.Waiting))
	for i := range s.Waiting {
		w := &s.Waiting[i]
		text := nameOf(w.Node) + strings.ToLower(w.Kind)
		if w.Kind == string(flow.WaitLimit) {
			text = nameOf(w.Node) + w.Message
		}
		if v, _ := judged(run, w, now); w.Kind == waitApproval && (v.Outcome == guard.Approved || v.Outcome == guard.Denied) {
			text += " " + string(v.Outcome)
		} else if w.Until != nil {
			text += ", " + left(w.Until.Sub(now))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func nameOf(node string) string {
	if node == "" {
		return ""
	}
	return node + ": "
}

// left says how much time there is.
func left(d time.Duration) string {
	if d <= 0 {
		return "time is up"
	}
	return shortTime(d.Round(time.Second)) + " left"
}

func cancelText(c *aofv1.RunCancel) string {
	text := "cancelled"
	if c.User != "" {
		text += " by " + c.User
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}
