// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package agentflow

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/plan"
)

var _ plan.Finder = (*finder)(nil)

// finder looks things up for one flow: it tracks what is looked for, and
// remembers how what was found stands.
type finder struct {
	ctx        context.Context //nolint:containedctx // plan.Finder has no room for it, and one finder lives as long as one call
	reconciler *Reconciler
	flow       types.NamespacedName
	seen       []standing
	// err is the first lookup that failed otherwise than by finding nothing.
	err error
}

// Trigger finds none: a flow on its own asks for no Trigger, Context or flow.
func (*finder) Trigger(types.NamespacedName) *aofv1.Trigger { return nil }

// Context finds none, see Trigger.
func (*finder) Context(types.NamespacedName) *aofv1.Context { return nil }

// Flow finds none, see Trigger.
func (*finder) Flow(types.NamespacedName) *aofv1.AgentFlow { return nil }

// Agent finds an Agent.
func (f *finder) Agent(key types.NamespacedName) *aofv1.Agent {
	f.reconciler.Tracker.Track(f.flow, kindAgent, key)
	a, err := f.reconciler.Agents.Agents(key.Namespace).Get(key.Name)
	if err != nil {
		f.fail("Agent", key, err)
		return nil
	}
	a = a.DeepCopy()
	a.SetDefaults(f.ctx)
	f.seen = append(f.seen, standing{
		what: "Agent " + key.String(), condition: a.Status.GetCondition(aofv1.AgentConditionReady), current: a.Generation == a.Status.ObservedGeneration,
	})
	return a
}

// Fleet finds an AgentFleet.
func (f *finder) Fleet(key types.NamespacedName) *aofv1.AgentFleet {
	f.reconciler.Tracker.Track(f.flow, kindFleet, key)
	fleet, err := f.reconciler.Fleets.AgentFleets(key.Namespace).Get(key.Name)
	if err != nil {
		f.fail("AgentFleet", key, err)
		return nil
	}
	fleet = fleet.DeepCopy()
	fleet.SetDefaults(f.ctx)
	f.seen = append(f.seen, standing{
		what: "AgentFleet " + key.String(), condition: fleet.Status.GetCondition(aofv1.AgentFleetConditionReady), current: fleet.Generation == fleet.Status.ObservedGeneration,
	})
	return fleet
}

func (f *finder) fail(kind string, key types.NamespacedName, err error) {
	if f.err == nil && !apierrors.IsNotFound(err) {
		f.err = fmt.Errorf("get %s %s: %w", kind, key, err)
	}
}
