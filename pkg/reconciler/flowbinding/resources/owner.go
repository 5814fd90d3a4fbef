// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/names"
)

// maxLabelValue is the longest value a label may have; an annotation may be
// longer, as the name of a binding may.
const maxLabelValue = 63

// managed are the labels of everything the controller makes.
func managed() map[string]string { return map[string]string{names.LabelManaged: "true"} }

// IsManaged says whether the controller made the object, so that it may change or
// delete it.
func IsManaged(o metav1.Object) bool { return o.GetLabels()[names.LabelManaged] == "true" }

// mark says on an object which binding it is for: in annotations, which take any
// name, and in labels, by which people select, where the name fits.
func mark(o metav1.Object, binding types.NamespacedName) {
	annotations, labels := o.GetAnnotations(), o.GetLabels()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[names.LabelBinding], annotations[names.LabelBindingNamespace] = binding.Name, binding.Namespace
	if len(binding.Name) <= maxLabelValue {
		labels[names.LabelBinding] = binding.Name
	}
	labels[names.LabelBindingNamespace] = binding.Namespace
	o.SetAnnotations(annotations)
	o.SetLabels(labels)
}

// BindingOf is the binding an object is for; empty when it is for none.
func BindingOf(o metav1.Object) types.NamespacedName {
	a := o.GetAnnotations()
	return types.NamespacedName{Namespace: a[names.LabelBindingNamespace], Name: a[names.LabelBinding]}
}
