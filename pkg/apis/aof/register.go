// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package aof

import "k8s.io/apimachinery/pkg/runtime/schema"

// GroupName is the API group of every AOF kind.
const GroupName = "aof.dev"

// The resources of the group, as they stand in URLs, RBAC rules and CRDs.
var (
	ContextsResource     = schema.GroupResource{Group: GroupName, Resource: "contexts"}
	TriggersResource     = schema.GroupResource{Group: GroupName, Resource: "triggers"}
	FlowBindingsResource = schema.GroupResource{Group: GroupName, Resource: "flowbindings"}
	AgentsResource       = schema.GroupResource{Group: GroupName, Resource: "agents"}
	AgentFleetsResource  = schema.GroupResource{Group: GroupName, Resource: "agentfleets"}
	AgentFlowsResource   = schema.GroupResource{Group: GroupName, Resource: "agentflows"}
	FlowRunsResource     = schema.GroupResource{Group: GroupName, Resource: "flowruns"}
)
