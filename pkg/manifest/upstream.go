// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// upstreamForm names the form of a document that only has to be imported, or
// gives "".
func upstreamForm(root *yaml.Node, kind, version string) string {
	group, _, _ := strings.Cut(version, "/")
	switch {
	case version != "" && !strings.HasPrefix(group, "aof.") && !strings.HasSuffix(group, ".aof.dev"):
		return ""
	case version != "" && version != apiVersion && (kinds[kind] != nil || upstreamKind(kind)):
		return "apiVersion " + clip(version, 60)
	case version != "" && upstreamKind(kind):
		return "kind " + kind
	case version == "" && kind == "" && flat(root):
		return "no apiVersion and kind"
	}
	return ""
}

func upstreamKind(kind string) bool {
	switch kind {
	case "Binding", "Fleet", "Flow", "DaemonConfig":
		return true
	}
	return false
}

// flat tells the shape of an agent, fleet or flow written without a kind.
func flat(root *yaml.Node) bool {
	has := func(key string) bool { return Child(root, key) != nil }
	switch {
	case !has("name") && !has("metadata") && !has("model"):
		return false
	case has("instructions"), has("system_prompt"), has("nodes") && has("connections"), has("agents") && has("coordination"):
		return true
	}
	return false
}

// upstreamField tells whether an unknown field is one that importing resolves.
func upstreamField(kind, path string) bool {
	switch kind {
	case "Trigger":
		return hasAny(path, "spec.commands", "spec.default_agent", "spec.defaultAgent", "spec.platform")
	case "FlowBinding":
		return hasAny(path, "spec.agent", "spec.fleet", "spec.overrides")
	case "AgentFleet":
		return strings.HasPrefix(path, "spec.agents[") || hasAny(path, "spec.coordination.strategy", "spec.coordination.workflow")
	case "AgentFlow", "Context", "Agent":
		return strings.HasPrefix(path, "spec.")
	}
	return false
}

func hasAny(path string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(path, prefix); ok && endsStep(rest) {
			return true
		}
	}
	return false
}
