// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
)

func TestARunOfOneNodeCostsTwoWrites(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.deliver(t, tn.runner(t), tn.event(t, "1"))
	run := tn.onlyRun(t)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, run.Status.Phase)
	require.Len(t, run.Status.Nodes, 1)
	assert.Contains(t, string(run.Status.Nodes[0].Output.Raw), "echo: the disk is full")
	assert.Equal(t, []string{"get configmaps", "create flowruns", "update flowruns"}, tn.cost(t))
}

func TestARunThatTheAdapterClaimedCostsTwoMore(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	e := tn.event(t, "1")
	e.SetExtension("aofmatch", "|"+tn.namespace+"/web|")
	claimed, err := claim.Of(tn.plan, tn.planName).Run(e, "disk")
	require.NoError(t, err)
	_, err = tn.server.AOF(t).AofV1().FlowRuns(tn.namespace).Create(t.Context(), claimed, metav1.CreateOptions{})
	require.NoError(t, err)

	tn.deliver(t, tn.runner(t), e)
	assert.Equal(t, aofv1.FlowRunPhaseSucceeded, tn.onlyRun(t).Status.Phase)
	assert.Equal(t, []string{"get configmaps", "get flowruns", "update flowruns", "update flowruns"}, tn.cost(t))
}

func TestAWarmRunnerReadsNoPlan(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	h := tn.runner(t)
	tn.deliver(t, h, tn.event(t, "1"))
	before := len(tn.cost(t))
	tn.deliver(t, h, tn.event(t, "2"))
	assert.Equal(t, []string{"create flowruns", "update flowruns"}, tn.cost(t)[before:])
}
