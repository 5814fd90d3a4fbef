// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// end ends a run in its journal as the API server has it, on condition that
// nobody writes it meanwhile. Who holds the run finds out with its next write.
// Runs in the cache lack parts of their journal: they are never written back.
func (r *Reconciler) end(ctx context.Context, cached *aofv1.FlowRun, mark func(*aofv1.FlowRun)) error {
	client := r.Client.FlowRuns(cached.Namespace)
	run, err := client.Get(ctx, cached.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	if run.UID != cached.UID || run.IsDone() {
		return nil
	}
	now := metav1.NewMicroTime(r.Clock.Now())
	status := &run.Status
	if len(status.Conditions) == 0 {
		status.InitializeConditions()
	}
	begun := status.StartTime != nil // then its runner knew whether there is an audit
	if !begun {
		status.StartTime = &now
	}
	skipUnfinished(status, now)
	status.Waiting, status.Lease = nil, nil
	status.CompletionTime = &now
	status.Duration = aofv1.ShortDuration(now.Sub(status.StartTime.Time))
	mark(run)
	if status.Audit == nil && !begun && r.audited(run) {
		status.Audit = &aofv1.RunAudit{} // a runner puts the end on record
	}
	if _, err := client.Update(ctx, run, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// audited says whether the Context of a run asks for an audit.
func (r *Reconciler) audited(run *aofv1.FlowRun) bool {
	ref := run.Spec.Context
	if ref == nil {
		return false
	}
	key := ref.NamespacedName(run.Namespace)
	c, err := r.Contexts.Contexts(key.Namespace).Get(key.Name)
	return err == nil && c.Spec.Audit != nil && c.Spec.Audit.Enabled != nil && *c.Spec.Audit.Enabled
}

// skipUnfinished says of nodes that were at work or waited that they are not any
// more. What was at work may have taken effect; that is not known.
func skipUnfinished(status *aofv1.FlowRunStatus, now metav1.MicroTime) {
	for i := range status.Nodes {
		n := &status.Nodes[i]
		switch n.Phase {
		case aofv1.NodePhaseSucceeded, aofv1.NodePhaseFailed, aofv1.NodePhaseSkipped:
			continue
		case aofv1.NodePhaseRunning:
			n.Error = &aofv1.RunError{Node: n.ID, Reason: aofv1.ReasonCancelled, Message: "the run ended while this node was at work, so it is unknown whether it took effect"}
		case aofv1.NodePhasePending, aofv1.NodePhaseWaiting:
			n.Error = &aofv1.RunError{Node: n.ID, Reason: aofv1.ReasonCancelled}
		}
		n.Phase, n.EndTime = aofv1.NodePhaseSkipped, &now
	}
}

// markCancelled says who cancelled a run, and why.
func markCancelled(run *aofv1.FlowRun) {
	message := "cancelled"
	if c := run.Spec.Cancel; c != nil {
		if c.User != "" {
			message += " by " + c.User
		}
		if c.Reason != "" {
			message += ": " + c.Reason
		}
	}
	run.Status.MarkCancelled(message)
}
