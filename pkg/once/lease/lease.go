// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lease keeps the entries of business keys as Leases in the namespace of
// the binding: small objects that no workload mounts, which go with their
// FlowBinding, and which the controller removes once they are over. The name of a
// Lease holds the digest of its key; the key itself is written nowhere.
//
// The composition roots of adapter and runner and the reconciler that removes
// them import it.
package lease

import (
	"context"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/dedupe"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/once"
)

// Annotations of a Lease.
const (
	annotationMade       = "aof.dev/made"
	annotationDuplicates = "aof.dev/duplicates"
	annotationTrigger    = "aof.dev/trigger"
)

// maxLabel is how long a label's value may be.
const maxLabel = 63

// Leases reads and writes Leases by name; *kubeapi.Leases does.
type Leases interface {
	Lease(ctx context.Context, namespace, name string) (*coordinationv1.Lease, error)
	CreateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error)
	UpdateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error)
}

// Store keeps records as Leases.
type Store struct{ leases Leases }

var _ once.Store = (*Store)(nil)

// New makes a Store. It makes no request.
func New(leases Leases) *Store { return &Store{leases: leases} }

// Load implements once.Store.
func (s *Store) Load(ctx context.Context, namespace, name string) (once.Record, bool, error) {
	found, err := s.leases.Lease(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		return once.Record{}, false, nil
	}
	if err != nil {
		return once.Record{}, false, err
	}
	return Read(found), true, nil
}

// Save implements once.Store.
func (s *Store) Save(ctx context.Context, r *once.Record) error {
	object := write(r)
	var stored *coordinationv1.Lease
	var err error
	if r.Version == "" {
		stored, err = s.leases.CreateLease(ctx, object)
	} else {
		stored, err = s.leases.UpdateLease(ctx, object)
	}
	switch {
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), apierrors.IsNotFound(err) && r.Version != "":
		return once.ErrConflict
	case err != nil:
		return err
	}
	r.Version = versionOf(stored)
	return nil
}

// Read gives what a Lease says. What it lacks is zero: such an entry is over.
func Read(l *coordinationv1.Lease) once.Record {
	r := once.Record{
		Namespace: l.Namespace, Name: l.Name, Version: versionOf(l),
		Binding: l.Labels[names.LabelBinding], Trigger: l.Annotations[annotationTrigger],
		Entry: dedupe.Entry{
			Run: ptr.Deref(l.Spec.HolderIdentity, ""), First: timeOf(l.Spec.AcquireTime), Claimed: timeOf(l.Spec.RenewTime),
			Made: l.Annotations[annotationMade] == "true",
		},
	}
	for _, owner := range l.OwnerReferences {
		if owner.Kind == "FlowBinding" {
			r.Binding, r.BindingUID = owner.Name, owner.UID
		}
	}
	r.Entry.Until = r.Entry.First.Add(time.Duration(ptr.Deref(l.Spec.LeaseDurationSeconds, 0)) * time.Second)
	r.Entry.Duplicates, _ = strconv.ParseInt(l.Annotations[annotationDuplicates], 10, 64) // no number is none
	return r
}

func write(r *once.Record) *coordinationv1.Lease {
	e := &r.Entry
	version, uid, _ := strings.Cut(r.Version, "@")
	out := &coordinationv1.Lease{
		TypeMeta: metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: r.Name, ResourceVersion: version, UID: types.UID(uid),
			Labels:      map[string]string{names.LabelManaged: "true", names.LabelKind: names.KindDedupe},
			Annotations: map[string]string{annotationMade: strconv.FormatBool(e.Made)},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &e.Run, AcquireTime: ptr.To(metav1.NewMicroTime(e.First)), RenewTime: ptr.To(metav1.NewMicroTime(e.Claimed)),
			LeaseDurationSeconds: ptr.To(int32(e.Until.Sub(e.First) / time.Second)),
		},
	}
	if len(r.Binding) <= maxLabel && r.Binding != "" {
		out.Labels[names.LabelBinding] = r.Binding
	}
	if r.BindingUID != "" {
		out.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowBinding", Name: r.Binding, UID: r.BindingUID,
		}}
	}
	if r.Trigger != "" {
		out.Annotations[annotationTrigger] = r.Trigger
	}
	if e.Duplicates > 0 {
		out.Annotations[annotationDuplicates] = strconv.FormatInt(e.Duplicates, 10)
	}
	return out
}

// versionOf is the version of a Lease with its UID: Leases are created by updates,
// and one that was removed must not come back so.
func versionOf(l *coordinationv1.Lease) string { return l.ResourceVersion + "@" + string(l.UID) }

func timeOf(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
