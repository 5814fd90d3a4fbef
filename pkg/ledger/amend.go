// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// MaxDecisions bounds the decisions in a run, as its schema does.
const MaxDecisions = 200

// Amended carries out a change on a copy of a stored spec, for stores. It says
// whether anything changed, and refuses what Amend does not allow with
// ErrInvalid.
func Amended(stored aofv1.FlowRunSpec, change func(*aofv1.FlowRunSpec) error) (spec aofv1.FlowRunSpec, changed bool, err error) {
	spec = *stored.DeepCopy()
	if err := change(&spec); err != nil {
		return stored, false, err
	}
	rest := spec
	rest.Decisions, rest.Cancel = stored.Decisions, stored.Cancel
	kept := len(stored.Decisions)
	switch {
	case !equality.Semantic.DeepEqual(rest, stored):
		return stored, false, fmt.Errorf("%w: of a run's spec only decisions and cancel may change", ErrInvalid)
	case len(spec.Decisions) < kept || !equality.Semantic.DeepEqual(spec.Decisions[:kept:kept], stored.Decisions[:kept:kept]):
		return stored, false, fmt.Errorf("%w: decisions are added, never changed", ErrInvalid)
	case len(spec.Decisions) > MaxDecisions:
		return stored, false, fmt.Errorf("%w: a run may have %d decisions", ErrInvalid, MaxDecisions)
	case stored.Cancel != nil && !equality.Semantic.DeepEqual(spec.Cancel, stored.Cancel):
		return stored, false, fmt.Errorf("%w: the run is cancelled already", ErrInvalid)
	}
	return spec, !equality.Semantic.DeepEqual(spec, stored), nil
}
