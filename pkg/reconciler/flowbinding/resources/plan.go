// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
)

// AnnotationSuperseded says since when a plan is not that of its binding any
// more. Events that were already on their way may still ask for it.
const AnnotationSuperseded = "aof.dev/superseded-at"

// maxPlanBytes leaves room beside the plan in an object of at most 1 MiB.
const maxPlanBytes = 900 << 10

// ErrPlanTooLarge says that a plan does not fit into a ConfigMap.
var ErrPlanTooLarge = errors.New("the compiled plan is too large")

// Plan is a compiled plan with its name and its stored form.
type Plan struct {
	Name    string
	Encoded string
}

// EncodePlan gives a plan its name and its stored form.
func EncodePlan(p *plan.Plan) (*Plan, error) {
	encoded, err := p.Encode()
	if err != nil {
		return nil, err
	}
	if len(encoded) > maxPlanBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrPlanTooLarge, len(encoded), maxPlanBytes)
	}
	return &Plan{Name: plan.Name(p, encoded), Encoded: string(encoded)}, nil
}

// MakePlan makes the ConfigMap of a plan. It has no owner: a run may need it
// longer than the binding lives.
func MakePlan(binding types.NamespacedName, p *Plan) *corev1.ConfigMap {
	labels := managed()
	labels[names.LabelKind] = names.KindPlan
	c := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: binding.Namespace, Name: p.Name, Labels: labels},
		Data:       map[string]string{names.KeyPlan: p.Encoded},
		Immutable:  ptr.To(true),
	}
	mark(c, binding)
	return c
}

// IsPlan says whether a ConfigMap holds a plan.
func IsPlan(o metav1.Object) bool {
	return IsManaged(o) && o.GetLabels()[names.LabelKind] == names.KindPlan
}

// SamePlan says whether a ConfigMap holds what it should. What is in one can't be
// mended, only made anew, since it is immutable.
func SamePlan(want, have *corev1.ConfigMap) bool {
	return maps.Equal(want.Data, have.Data) && len(have.BinaryData) == 0 && ptr.Deref(have.Immutable, false) &&
		IsPlan(have) && BindingOf(want) == BindingOf(have)
}

// SupersededAt is since when a plan is not that of its binding any more; zero
// when nothing says so.
func SupersededAt(o metav1.Object) time.Time {
	at, err := time.Parse(time.RFC3339, o.GetAnnotations()[AnnotationSuperseded])
	if err != nil {
		return time.Time{}
	}
	return at
}

// Superseded is the plan with that said; without it when at is zero.
func Superseded(c *corev1.ConfigMap, at time.Time) *corev1.ConfigMap {
	c = c.DeepCopy()
	if at.IsZero() {
		delete(c.Annotations, AnnotationSuperseded)
		return c
	}
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations[AnnotationSuperseded] = at.UTC().Format(time.RFC3339)
	return c
}
