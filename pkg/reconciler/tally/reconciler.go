// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	typedaofv1 "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/settings"
)

const (
	// batch bounds how many runs are counted in one go, removals how many removed.
	batch, removals = 200, 2 * mostDue
	// remembered is how many runs that this process labelled or removed it
	// remembers, so that neither an old cache makes it ask for them nor pending
	// keeps them.
	remembered = 8192
	// maxEventMessage bounds what a Kubernetes event says of a run's error.
	maxEventMessage = 256
	// reasonDeadLettered is the runner's reason for a run that was never
	// delivered.
	reasonDeadLettered = "DeadLettered"
)

// Objects finds what runs are counted for.
type Objects interface {
	// Object gives the object of one of the Kind constants; an error that
	// apierrors.IsNotFound knows when there is none.
	Object(ctx context.Context, kind string, key types.NamespacedName) (kmeta.OwnerRefableAccessor, error)
}

// Dependencies are what a Reconciler works with; all of them must be set.
type Dependencies struct {
	// Runs is the cache of runs, with Indexers.
	Runs cache.Indexer
	// RunWriter and ConfigMaps are clients of the API server, not caches.
	RunWriter typedaofv1.FlowRunsGetter
	// Uncounted asks the API server which runs of a binding there are that do not
	// say they were counted.
	Uncounted  func(ctx context.Context, binding types.NamespacedName) (sets.Set[types.UID], error)
	ConfigMaps typedcorev1.ConfigMapsGetter
	Objects    Objects
	Settings   func() *settings.Settings
	// Quiet is how long no run of a binding must have been counted before those
	// that were are labelled or removed, so that while many come in these writes
	// don't take the API server's time from them.
	Quiet    time.Duration
	Clock    clock.PassiveClock
	Recorder record.EventRecorder
}

// Reconciler counts runs and removes old ones.
type Reconciler struct {
	reconciler.LeaderAwareFuncs
	Dependencies

	// settled says of runs, by UID, that this process labelled or removed them.
	settled *lru.Cache
	// dues are those it counted and did neither with yet, endings when those ended
	// that it is to count.
	dues    dues
	endings endings
}

// ended notes that a run is over, so that it is counted together with those that
// end soon after it.
func (r *Reconciler) ended(run *aofv1.FlowRun) { r.endings.add(keyOf(run), r.Clock.Now()) }

// New makes a reconciler. Becoming a leader, it looks at every binding that has
// finished runs.
func New(d Dependencies) *Reconciler {
	r := &Reconciler{Dependencies: d, settled: lru.New(remembered)}
	r.PromoteFunc = func(bucket reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, key := range r.keys() {
			enqueue(bucket, key)
		}
		return nil
	}
	return r
}

var (
	_ controller.Reconciler  = (*Reconciler)(nil)
	_ reconciler.LeaderAware = (*Reconciler)(nil)
)

// keys are all keys that have finished runs.
func (r *Reconciler) keys() []types.NamespacedName {
	values := r.Runs.ListIndexFuncValues(indexFinished)
	out := make([]types.NamespacedName, 0, len(values))
	for _, value := range values {
		if key, ok := keyFrom(value); ok {
			out = append(out, key)
		}
	}
	return out
}

// keyFrom reads what keyOf writes.
func keyFrom(s string) (types.NamespacedName, bool) {
	namespace, name, err := cache.SplitMetaNamespaceKey(s)
	return types.NamespacedName{Namespace: namespace, Name: name}, err == nil && namespace != ""
}

// Reconcile counts what is over of the binding that the key names, and removes
// what is too old or too much.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	binding, ok := keyFrom(key)
	if !ok {
		logging.FromContext(ctx).Error("Invalid resource key: ", key)
		return nil
	}
	if !r.IsLeaderFor(binding) {
		r.endings.forget(binding)
		return controller.NewSkipKey(key)
	}
	if wait := r.endings.due(binding, r.Settings().FoldEvery, r.Clock.Now()); wait > 0 {
		return controller.NewRequeueAfter(wait)
	}
	counted, more, err := r.count(ctx, binding)
	if err != nil {
		return fmt.Errorf("count the runs of %s: %w", key, err)
	}
	r.tell(ctx, binding, counted) // they are not counted again
	runs, next := r.dues.add(binding, counted, r.Quiet, r.Clock.Now())
	if next == 0 {
		if next, err = r.finish(ctx, binding, runs); err != nil {
			return fmt.Errorf("label or remove runs of %s: %w", key, err)
		}
	}
	switch {
	case more:
		return controller.NewRequeueImmediately()
	case next > 0:
		return controller.NewRequeueAfter(next)
	}
	return nil
}

// finish labels the runs that were counted, or removes those that the history has
// no room for, which need no label. It returns when the next run gets too old; 0
// is never.
func (r *Reconciler) finish(ctx context.Context, binding types.NamespacedName, counted []*aofv1.FlowRun) (time.Duration, error) {
	remove, next, err := r.outdated(binding, counted)
	if err != nil {
		return 0, err
	}
	labelled, err := r.label(ctx, without(counted, remove))
	r.dues.done(binding, labelled, r.Clock.Now())
	if err != nil {
		return 0, err
	}
	if len(remove) > removals {
		remove, next = remove[:removals], time.Nanosecond
	}
	removed, err := r.remove(ctx, remove)
	r.dues.done(binding, removed, r.Clock.Now())
	return next, err
}

// outdated are the runs of a binding that its history has no room for, and when
// the next one gets too old; 0 is never. Counted are those that were counted just
// now and do not say so yet.
func (r *Reconciler) outdated(key types.NamespacedName, counted []*aofv1.FlowRun) ([]*aofv1.FlowRun, time.Duration, error) {
	runs, err := runsAt(r.Runs, indexFinished, key)
	if err != nil {
		return nil, 0, err
	}
	runs = slices.DeleteFunc(without(runs, counted), func(run *aofv1.FlowRun) bool { return r.removed(run.UID) })
	for _, run := range counted {
		run = run.DeepCopy()
		metav1.SetMetaDataLabel(&run.ObjectMeta, ledger.LabelFolded, "true")
		runs = append(runs, run)
	}
	s := r.Settings()
	remove, next := History(runs, Limits{Successful: s.SuccessfulRuns, Failed: s.FailedRuns, TTL: s.RunTTL}, r.Clock.Now())
	return remove, next, nil
}

// remove deletes runs, and returns those that are gone.
func (r *Reconciler) remove(ctx context.Context, runs []*aofv1.FlowRun) ([]*aofv1.FlowRun, error) {
	gone := make([]*aofv1.FlowRun, len(runs))
	err := each(ctx, runs, removedAtOnce, func(ctx context.Context, i int, run *aofv1.FlowRun) error {
		err := r.RunWriter.FlowRuns(run.Namespace).Delete(ctx, run.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(run.UID))})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("delete run %s/%s: %w", run.Namespace, run.Name, err)
		}
		r.settled.Add(run.UID, goes)
		gone[i] = run
		return nil
	})
	return slices.DeleteFunc(gone, func(run *aofv1.FlowRun) bool { return run == nil }), err
}

// without leaves out the runs that are among others.
func without(runs, others []*aofv1.FlowRun) []*aofv1.FlowRun {
	uids := sets.New[types.UID]()
	for _, run := range others {
		uids.Insert(run.UID)
	}
	return slices.DeleteFunc(slices.Clone(runs), func(run *aofv1.FlowRun) bool { return uids.Has(run.UID) })
}

// tell writes a Kubernetes event about every run that failed, on its binding, or
// on the run when that is gone.
func (r *Reconciler) tell(ctx context.Context, key types.NamespacedName, counted []*aofv1.FlowRun) {
	failed := slices.DeleteFunc(slices.Clone(counted), func(run *aofv1.FlowRun) bool { return run.Status.Phase != aofv1.FlowRunPhaseFailed })
	if len(failed) == 0 {
		return
	}
	var about runtime.Object
	if key.Name != "" {
		if binding, err := r.Objects.Object(ctx, KindBinding, key); err == nil {
			about, _ = binding.(runtime.Object)
		}
	}
	for _, run := range failed {
		object := about
		if object == nil {
			object = run
		}
		reason, message := "RunFailed", ""
		if e := run.Status.Error; e != nil {
			message = e.Message
			if e.Node != "" {
				message = "node " + e.Node + ": " + message
			}
			if e.Reason == reasonDeadLettered {
				reason = e.Reason
			}
		}
		r.Recorder.Eventf(object, corev1.EventTypeWarning, reason, "run %s failed: %s", run.Name, bounded(message, maxEventMessage))
	}
}

// bounded cuts a text to at most n bytes, at the end of a character.
func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
