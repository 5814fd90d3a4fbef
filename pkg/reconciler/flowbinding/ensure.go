// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/kmp"
	"knative.dev/pkg/logging"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/reconciler/flowbinding/resources"
)

// errNotOwned says that an object of a name we need is not ours.
var errNotOwned = errors.New("an object of that name exists that the operator did not make")

// store is where objects of one kind are written, as generated clients are.
type store[T any] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	Create(ctx context.Context, object T, opts metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, opts metav1.UpdateOptions) (T, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
}

// child is an object that should be there.
type child[T metav1.Object] struct {
	kind  string
	store store[T]
	// want is what it should be, have what the cache says it is.
	want, have T
	// found says that there is one in the cache.
	found bool
	same  func(want, have T) bool
	// merged is have with what want says.
	merged func(want, have T) T
}

// ensure makes or mends the child, and gives it as it is then. It writes nothing
// when the child is as it should be.
func ensure[T metav1.Object](ctx context.Context, c child[T]) (T, error) {
	what := fmt.Sprintf("%s %s/%s", c.kind, c.want.GetNamespace(), c.want.GetName())
	if !c.found {
		made, err := c.store.Create(ctx, c.want, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return claimed(ctx, c, what)
		}
		if err != nil {
			return made, fmt.Errorf("create %s: %w", what, err)
		}
		return made, nil
	}
	if !resources.IsManaged(c.have) {
		return c.have, fmt.Errorf("%s: %w", what, errNotOwned)
	}
	if c.same(c.want, c.have) {
		return c.have, nil
	}
	next := c.merged(c.want, c.have)
	logDiff(ctx, what, c.have, next)
	made, err := c.store.Update(ctx, next, metav1.UpdateOptions{})
	if err != nil {
		return made, fmt.Errorf("update %s: %w", what, err)
	}
	return made, nil
}

// claimed gives what exists though the cache does not have it: ours, which another
// worker made just now and which an event will show us, or somebody else's.
func claimed[T metav1.Object](ctx context.Context, c child[T], what string) (T, error) {
	exists, err := c.store.Get(ctx, c.want.GetName(), metav1.GetOptions{})
	if err != nil {
		return exists, fmt.Errorf("get %s: %w", what, err)
	}
	if !resources.IsManaged(exists) {
		return exists, fmt.Errorf("%s: %w", what, errNotOwned)
	}
	return exists, nil
}

// remove deletes an object of ours. What is gone, or is not ours, is left alone.
func remove[T metav1.Object](ctx context.Context, s store[T], kind, namespace, name string, ours func(T) bool) error {
	what := fmt.Sprintf("%s %s/%s", kind, namespace, name)
	object, err := s.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", what, err)
	}
	if !ours(object) || object.GetDeletionTimestamp() != nil {
		return nil
	}
	err = s.Delete(ctx, name, metav1.DeleteOptions{Preconditions: preconditions(object)})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", what, err)
	}
	return nil
}

// maxDiff is how much of a diff is logged: a plan may be as large as an object.
const maxDiff = 4 << 10

// logDiff says what a write is going to change.
func logDiff(ctx context.Context, what string, have, next any) {
	diff, err := kmp.SafeDiff(have, next)
	if err != nil {
		diff = err.Error()
	}
	if len(diff) > maxDiff {
		diff = strings.ToValidUTF8(diff[:maxDiff], "") + "…"
	}
	logging.FromContext(ctx).Infow("Bringing an object back to what it should be", "object", what, "diff", diff)
}

// patience is when something that was refused is tried again: what made the
// cluster refuse it may be settings that we do not see.
const patience = 5 * time.Minute

// isRefusal says that the cluster does not take an object as it is: trying again
// at once would not help.
func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsRequestEntityTooLargeError(err)
}

// settled says whether an error is one for people, which the status tells, rather
// than one that another try may mend: what is refused, and what is somebody
// else's, changes only when somebody changes it. It is looked at again after a
// while.
func (d *Decision) settled(err error) (reason string, ok bool) {
	switch {
	case errors.Is(err, errNotOwned):
		reason = aofv1.ReasonNotOwned
	case isRefusal(err):
		reason = aofv1.ReasonRefused
	default:
		return "", false
	}
	d.lookAgain(patience)
	return reason, true
}
