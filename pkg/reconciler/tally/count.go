// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
)

const (
	// labelledAtOnce and removedAtOnce bound the requests that are under way
	// together. Nobody waits for a removal.
	labelledAtOnce, removedAtOnce = 8, 2
	// askedFor bounds how many pending runs that the cache does not have are
	// asked for in one count; the others are the next count's.
	askedFor = 16
)

// book is a tally on its way: the ConfigMap as it was read, and its document.
type book struct {
	target
	stored   *corev1.ConfigMap // nil: to be created
	owner    kmeta.OwnerRefableAccessor
	document *Document
}

// count counts the runs of a binding that are over and do not say that they are
// counted. It returns those, to be labelled or removed, and whether there are
// more. The order of its steps is what makes it right after a crash: see the
// package's comment.
func (r *Reconciler) count(ctx context.Context, key types.NamespacedName) (counted []*aofv1.FlowRun, more bool, err error) {
	candidates, more, err := r.candidates(key)
	if err != nil || len(candidates) == 0 {
		return nil, false, err
	}
	books, err := r.open(ctx, candidates)
	if err != nil {
		return nil, false, err
	}
	// After the books are open: a run that left pending before that is labelled.
	runs, err := r.confirm(ctx, key, candidates)
	if err != nil {
		return nil, false, err
	}
	for _, b := range books {
		if !b.document.count(b.target, olderThan(b.owner, runs)) {
			continue
		}
		if err := r.write(ctx, b); err != nil {
			return nil, false, err
		}
	}
	return runs, more, nil
}

// candidates are the runs that the cache calls over and not counted, those that
// ended first before the others.
func (r *Reconciler) candidates(key types.NamespacedName) (runs []*aofv1.FlowRun, more bool, err error) {
	runs, err = runsAt(r.Runs, indexUnfolded, key)
	if err != nil {
		return nil, false, err
	}
	runs = slices.DeleteFunc(runs, func(run *aofv1.FlowRun) bool { return r.remembers(run.UID) || r.dues.has(key, run.UID) })
	slices.SortFunc(runs, func(a, b *aofv1.FlowRun) int {
		return cmp.Or(endOf(a).Compare(endOf(b)), cmp.Compare(a.Name, b.Name))
	})
	if len(runs) > batch {
		return runs[:batch], true, nil
	}
	return runs, false, nil
}

// settlement is what this process did with a run that was counted.
type settlement bool

const (
	stays settlement = true  // it says that it was counted
	goes  settlement = false // it was deleted
)

func (r *Reconciler) remembers(uid types.UID) bool {
	_, ok := r.settled.Get(uid)
	return ok
}

func (r *Reconciler) removed(uid types.UID) bool {
	done, ok := r.settled.Get(uid)
	return ok && done == goes
}

// open reads the tallies that the runs are to be counted into, in a fixed order.
// An object that is gone is not counted for.
func (r *Reconciler) open(ctx context.Context, runs []*aofv1.FlowRun) ([]*book, error) {
	var targets []target
	for _, run := range runs {
		for t := range fold.Contributions(run) {
			targets = append(targets, t)
		}
	}
	slices.SortFunc(targets, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var books []*book
	for _, t := range slices.Compact(targets) {
		owner, err := r.Objects.Object(ctx, t.Kind, t.NamespacedName)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find %s %s: %w", t.Kind, t.NamespacedName, err)
		}
		b, err := r.read(ctx, t, owner)
		if err != nil {
			return nil, err
		}
		if b != nil {
			books = append(books, b)
		}
	}
	return books, nil
}

// errForeign: the tally of an object that is gone has not been collected yet, or
// our cache does not have the new object of that name. Either passes.
var errForeign = errors.New("it still belongs to another object of that name")

// read reads one tally. It is nil when somebody else's ConfigMap stands in its
// place.
func (r *Reconciler) read(ctx context.Context, t target, owner kmeta.OwnerRefableAccessor) (*book, error) {
	b := &book{target: t, owner: owner, document: &Document{}}
	name := names.Tally(t.Kind, t.Name)
	client := r.ConfigMaps.ConfigMaps(t.Namespace)
	stored, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read tally %s/%s: %w", t.Namespace, name, err)
	}
	logger := logging.FromContext(ctx)
	if stored.Labels[names.LabelManaged] != "true" || stored.Labels[names.LabelKind] != names.KindTally {
		logger.Warnf("ConfigMap %s/%s is not ours; runs are not counted there", t.Namespace, name)
		return nil, nil
	}
	if len(stored.OwnerReferences) > 0 && !metav1.IsControlledBy(stored, owner) {
		return nil, fmt.Errorf("tally %s/%s: %w", t.Namespace, name, errForeign)
	}
	document, err := Decode(stored.Data[names.KeyTally])
	if err != nil {
		logger.Errorw("A tally can't be read and begins anew", "configmap", name, zap.Error(err))
		document = &Document{}
	}
	b.stored, b.document = stored, document
	return b, r.settle(ctx, document)
}

// settle leaves out of pending the runs that are labelled, and those that are
// gone. That the cache does not have a run does not mean that it is gone.
func (r *Reconciler) settle(ctx context.Context, d *Document) error {
	asked := 0
	var failed error
	d.settle(func(c Counted) bool {
		if r.remembers(c.UID) {
			return true
		}
		if obj, ok, err := r.Runs.GetByKey(c.Namespace + "/" + c.Name); err == nil && ok {
			if run, ok := obj.(*aofv1.FlowRun); ok && run.UID == c.UID {
				return folded(run)
			}
		}
		if asked++; asked > askedFor || failed != nil {
			return false
		}
		run, err := r.RunWriter.FlowRuns(c.Namespace).Get(ctx, c.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true
		}
		if err != nil {
			failed = fmt.Errorf("read run %s/%s: %w", c.Namespace, c.Name, err)
			return false
		}
		return run.UID != c.UID || folded(run)
	})
	return failed
}

// confirm asks the API server, once for all, which of the runs are still to be
// counted. That a run is over does not change, so the rest the cache knows.
func (r *Reconciler) confirm(ctx context.Context, key types.NamespacedName, candidates []*aofv1.FlowRun) ([]*aofv1.FlowRun, error) {
	uncounted, err := r.Uncounted(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("list the runs that were not counted: %w", err)
	}
	var runs []*aofv1.FlowRun
	for _, c := range candidates {
		if uncounted.Has(c.UID) {
			runs = append(runs, c.DeepCopy())
		}
	}
	return runs, nil
}

// olderThan leaves out the runs from before the object was made: they were those
// of another one of the same name.
func olderThan(owner kmeta.OwnerRefableAccessor, runs []*aofv1.FlowRun) []*aofv1.FlowRun {
	made := owner.GetCreationTimestamp()
	return slices.DeleteFunc(slices.Clone(runs), func(run *aofv1.FlowRun) bool { return run.CreationTimestamp.Before(&made) })
}

// write stores a tally on condition that nobody wrote it since it was read.
func (r *Reconciler) write(ctx context.Context, b *book) error {
	data, err := b.document.Encode()
	if err != nil {
		return err
	}
	client := r.ConfigMaps.ConfigMaps(b.Namespace)
	if b.stored == nil {
		_, err := client.Create(ctx, b.make(data), metav1.CreateOptions{})
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil // nobody will look at that count
		}
		if err != nil {
			return fmt.Errorf("create the tally of %s %s: %w", b.Kind, b.NamespacedName, err)
		}
		return nil
	}
	next := b.stored.DeepCopy()
	next.Data = map[string]string{names.KeyTally: data}
	next.OwnerReferences = b.owners()
	if _, err := client.Update(ctx, next, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the tally of %s %s: %w", b.Kind, b.NamespacedName, err)
	}
	return nil
}

// What a tally ConfigMap says about itself, beside its owner.
const (
	// LabelOf says what kind of object is counted for: one of the Kind constants.
	LabelOf = "aof.dev/tally-of"
	// LabelName is that object's name, unless that is too long for a label.
	LabelName = "aof.dev/tally-name"
)

// make is the ConfigMap of a tally that there was none of.
func (b *book) make(data string) *corev1.ConfigMap {
	labels := map[string]string{names.LabelManaged: "true", names.LabelKind: names.KindTally, LabelOf: b.Kind}
	if len(b.Name) <= validation.LabelValueMaxLength {
		labels[LabelName] = b.Name
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: b.Namespace, Name: names.Tally(b.Kind, b.Name), Labels: labels, OwnerReferences: b.owners(),
		},
		Data: map[string]string{names.KeyTally: data},
	}
}

// owners have a tally go with what it counts, and wake it.
func (b *book) owners() []metav1.OwnerReference {
	return []metav1.OwnerReference{{
		APIVersion: aofv1.SchemeGroupVersion.String(), Kind: b.owner.GetGroupVersionKind().Kind,
		Name: b.Name, UID: b.owner.GetUID(), Controller: ptr.To(true),
	}}
}

// label has the runs say that they have been counted, and returns those that do.
func (r *Reconciler) label(ctx context.Context, runs []*aofv1.FlowRun) ([]*aofv1.FlowRun, error) {
	done := make([]*aofv1.FlowRun, len(runs))
	err := each(ctx, runs, labelledAtOnce, func(ctx context.Context, i int, run *aofv1.FlowRun) error {
		// With the UID the patch is for this run only, not for another of its name.
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"uid": run.UID, "labels": map[string]string{ledger.LabelFolded: "true"},
		}})
		if err != nil {
			return fmt.Errorf("label run %s/%s: %w", run.Namespace, run.Name, err)
		}
		_, err = r.RunWriter.FlowRuns(run.Namespace).Patch(ctx, run.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("label run %s/%s: %w", run.Namespace, run.Name, err)
		}
		r.settled.Add(run.UID, stays)
		metav1.SetMetaDataLabel(&run.ObjectMeta, ledger.LabelFolded, "true")
		done[i] = run
		return nil
	})
	return slices.DeleteFunc(done, func(run *aofv1.FlowRun) bool { return run == nil }), err
}

// each does something for every run, a few at a time.
func each(ctx context.Context, runs []*aofv1.FlowRun, atOnce int, do func(context.Context, int, *aofv1.FlowRun) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, run := range runs {
		group.Go(func() error { return do(ctx, i, run) })
	}
	return group.Wait()
}
