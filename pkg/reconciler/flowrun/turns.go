// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowrun

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/names"
)

const (
	// vacateAfter is how long after its end a run has for giving back itself what
	// it held.
	vacateAfter = 2 * time.Second
	// lookForTurn is how often a run that waits for a limit is looked at: whoever
	// is in its way may be gone without a word.
	lookForTurn = 30 * time.Second
)

// indexUID finds runs by their UID.
const indexUID = "flowrun.uid"

// Indexed finds objects by an index.
type Indexed interface {
	ByIndex(index, value string) ([]any, error)
}

// Limits is where the runners keep what limits and overrun policies need.
type Limits struct {
	ConfigMaps corelisters.ConfigMapLister
	// Kube is the API server, not a cache.
	Kube kubernetes.Interface
	// Runs is indexed by UID.
	Runs Indexed
}

// shared is one document, of either kind; the other's fields are empty.
type shared struct {
	object *corev1.ConfigMap
	quota  *guard.Quota
	turns  *guard.Turns
}

func readShared(object *corev1.ConfigMap) (*shared, bool) {
	s := &shared{object: object}
	var into any
	switch object.Labels[names.LabelKind] {
	case names.KindQuota:
		s.quota = &guard.Quota{}
		into = s.quota
	case names.KindTurns:
		s.turns = &guard.Turns{}
		into = s.turns
	default:
		return nil, false
	}
	text := object.Data[names.KeyQuota]
	return s, text != "" && json.Unmarshal([]byte(text), into) == nil
}

// next are the runs that need not wait any more.
func (s *shared) next(now time.Time) []string {
	if s.quota != nil {
		return s.quota.Next(now)
	}
	return s.turns.Next()
}

// line are the runs that wait.
func (s *shared) line() (ids []string) {
	if s.quota != nil {
		for i := range s.quota.Line {
			ids = append(ids, s.quota.Line[i].ID)
		}
		return ids
	}
	for _, p := range s.turns.Places() {
		ids = append(ids, p.ID)
	}
	return ids
}

func (s *shared) vacate(gone func(guard.Place) bool) bool {
	if s.quota != nil {
		return s.quota.Vacate(gone)
	}
	return s.turns.Vacate(gone)
}

func (s *shared) leave(id string) bool {
	if s.quota != nil {
		return s.quota.Leave(id)
	}
	return s.turns.Leave(id)
}

// of are the documents that a run may stand in.
func (l *Limits) of(run *aofv1.FlowRun) (out []*shared) {
	if l == nil {
		return nil
	}
	read := func(namespace, name string) {
		if object, err := l.ConfigMaps.ConfigMaps(namespace).Get(name); err == nil {
			if s, ok := readShared(object); ok {
				out = append(out, s)
			}
		}
	}
	if c := run.Spec.Context; c != nil {
		key := c.NamespacedName(run.Namespace)
		read(key.Namespace, names.Quota(key.Name))
	}
	if b := run.Spec.Binding; b != nil {
		read(b.NamespacedName(run.Namespace).Namespace, names.Turns(b.Name))
	}
	return out
}

// waitsForLimit says whether a run waits for nothing but a limit.
func waitsForLimit(run *aofv1.FlowRun) bool {
	return run.Status.Phase == aofv1.FlowRunPhaseWaiting && len(run.Status.Waiting) > 0 &&
		!slices.ContainsFunc(run.Status.Waiting, func(w aofv1.WaitStatus) bool { return w.Kind != string(flow.WaitLimit) })
}

// turn says whether a run that waits for a limit need not any more. What is held
// by runs that are over, or not at work, is taken back on the way.
func (l *Limits) turn(ctx context.Context, run *aofv1.FlowRun, now time.Time) (bool, error) {
	id, due := string(run.UID), false
	for _, s := range l.of(run) {
		if s.vacate(func(p guard.Place) bool { return l.gone(s, p, now) }) {
			if err := l.write(ctx, s); err != nil {
				return false, err
			}
		}
		due = due || slices.Contains(s.next(now), id)
	}
	return due, nil
}

// gone says whether a run that holds something is not at work any more, as far as
// the cache can tell.
func (l *Limits) gone(s *shared, p guard.Place, now time.Time) bool {
	run := l.byUID(p.ID)
	switch {
	case run != nil && run.IsDone():
		return true
	case p.Fresh(now):
		return false // it may be newer than the cache
	case run == nil:
		return true
	default:
		return s.quota != nil && run.Status.Phase == aofv1.FlowRunPhaseWaiting
	}
}

func (l *Limits) byUID(id string) *aofv1.FlowRun {
	found, err := l.Runs.ByIndex(indexUID, id)
	if err != nil || len(found) == 0 {
		return nil
	}
	run, _ := found[0].(*aofv1.FlowRun)
	return run
}

// vacate takes back what a run that is over still holds. It gives the time after
// which to look again.
func (l *Limits) vacate(ctx context.Context, run *aofv1.FlowRun, now time.Time) (time.Duration, error) {
	for _, s := range l.of(run) {
		if !s.leave(string(run.UID)) {
			continue
		}
		if end := run.Status.CompletionTime; end != nil && now.Sub(end.Time) < vacateAfter {
			return vacateAfter, nil
		}
		if err := l.write(ctx, s); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// write stores a document, if nobody has written it since. Whoever has will wake
// us.
func (l *Limits) write(ctx context.Context, s *shared) error {
	var content any = s.quota
	if s.turns != nil {
		content = s.turns
	}
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", s.object.Name, err)
	}
	next := s.object.DeepCopy()
	next.Data = map[string]string{names.KeyQuota: string(text)}
	_, err = l.Kube.CoreV1().ConfigMaps(next.Namespace).Update(ctx, next, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("write %s/%s: %w", next.Namespace, next.Name, err)
	}
	return nil
}

// wake calls do for the runs that a document's change concerns: those that need
// not wait any more, or all that wait.
func (l *Limits) wake(obj any, all bool, now time.Time, do func(*aofv1.FlowRun)) {
	object, ok := obj.(*corev1.ConfigMap)
	if !ok {
		return
	}
	s, ok := readShared(object)
	if !ok {
		return
	}
	ids := s.next(now)
	if all {
		ids = s.line()
	}
	for _, id := range ids {
		if run := l.byUID(id); run != nil {
			do(run)
		}
	}
}
