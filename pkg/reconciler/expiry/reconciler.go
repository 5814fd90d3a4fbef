// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expiry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
)

const (
	// every is how often the keys are looked at.
	every = 5 * time.Minute
	// slack is how much longer than its window a key stays: clocks differ.
	slack = time.Minute
	// page is how many keys are read at once.
	page = 500
)

// selector selects the Leases that hold keys.
const selector = names.LabelManaged + "=true," + names.LabelKind + "=" + names.KindDedupe

// Reconciler removes business keys.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	leases     coordinationclient.LeasesGetter
	configMaps coreclient.ConfigMapsGetter
	clock      clock.PassiveClock
}

// New makes a Reconciler. Becoming a leader, it looks at all keys.
func New(leases coordinationclient.LeasesGetter, configMaps coreclient.ConfigMapsGetter, clk clock.PassiveClock) *Reconciler {
	r := &Reconciler{leases: leases, configMaps: configMaps, clock: clk}
	r.PromoteFunc = func(bucket reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		enqueue(bucket, Key)
		return nil
	}
	return r
}

// Key is the only key there is.
var Key = types.NamespacedName{Namespace: names.SystemNamespace, Name: "business-keys"}

// Reconcile removes the keys that are over, and has itself called again.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	if key != Key.String() {
		return nil
	}
	if !r.IsLeaderFor(Key) {
		return controller.NewSkipKey(key)
	}
	var errs []error
	options := metav1.ListOptions{LabelSelector: selector, Limit: page}
	for {
		list, err := r.leases.Leases(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list the Leases of business keys: %w", err)
		}
		for i := range list.Items {
			if err := r.expire(ctx, &list.Items[i]); err != nil {
				errs = append(errs, err)
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%d business keys were not removed, such as: %w", len(errs), errs[0])
	}
	return controller.NewRequeueAfter(every)
}

// expire removes one key if it is over and still what it was.
func (r *Reconciler) expire(ctx context.Context, l *coordinationv1.Lease) error {
	record := lease.Read(l)
	if !record.Entry.Expired(r.clock.Now().Add(-slack)) {
		return nil
	}
	err := r.leases.Leases(l.Namespace).Delete(ctx, l.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &l.UID, ResourceVersion: &l.ResourceVersion},
	})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil // somebody has removed it, or begun the next window
	case err != nil:
		return fmt.Errorf("delete Lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	return r.count(ctx, &record)
}

// count adds the duplicates that were counted in a key to the events of its
// Trigger. The adapter counts its own there at once.
func (r *Reconciler) count(ctx context.Context, record *once.Record) error {
	n := record.Entry.Duplicates
	namespace, name, err := cache.SplitMetaNamespaceKey(record.Trigger)
	if n == 0 || err != nil || namespace == "" {
		return nil //nolint:nilerr // without a Trigger there is nobody to count for
	}
	seen := fold.Arrivals{
		Events:   fold.Events{Received: n, Duplicates: n},
		Bindings: map[string]fold.Compared{record.Namespace + "/" + record.Binding: {Compared: n, Duplicates: n}},
	}
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object, err := r.configMaps.ConfigMaps(namespace).Get(ctx, names.Events(name), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil // the Trigger is gone
		}
		if err != nil {
			return fmt.Errorf("count duplicates of Trigger %s: %w", record.Trigger, err)
		}
		var all fold.Arrivals
		if text := object.Data[names.KeyEvents]; text != "" && json.Unmarshal([]byte(text), &all) != nil {
			return nil //nolint:nilerr // the adapter begins anew what can't be read
		}
		all.Add(&seen)
		raw, err := json.Marshal(&all)
		if err != nil {
			return err
		}
		if object.Data == nil {
			object.Data = map[string]string{}
		}
		object.Data[names.KeyEvents] = string(raw)
		_, err = r.configMaps.ConfigMaps(namespace).Update(ctx, object, metav1.UpdateOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}
