// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import "context"

// kubectl asks the kubectl client: get, logs or describe. Nothing here changes
// the cluster.
func (j *scriptJob) kubectl(ctx context.Context, action string, args toolArgs) (map[string]any, error) {
	c := newCommand(args, "kubectl", action)
	switch action {
	case "get", "describe":
		resource, err := args.name(true, "resource", "kind", "type")
		if err != nil {
			return nil, err
		}
		name, err := args.name(false, "name")
		if err != nil {
			return nil, err
		}
		c.words(resource, name).option("--selector", "selector", "label_selector", "labelSelector", "labels").
			option("--field-selector", "field_selector", "fieldSelector").flag("--all-namespaces", "all_namespaces", "allNamespaces")
		if action == "get" {
			c.words("--output=json")
		}
	case "logs":
		pod, err := args.name(true, "pod", "name")
		if err != nil {
			return nil, err
		}
		c.words(pod).option("--container", "container").count("--tail", defaultTail, "tail", "lines").
			option("--since", "since").flag("--previous", "previous")
	default:
		return nil, noAction("kubectl", action, "get", "logs", "describe")
	}
	c.option("--namespace", "namespace").option("--context", "context").option("--kubeconfig", "kubeconfig")
	res, err := j.run(ctx, c)
	if err != nil || res.ExitCode != 0 {
		return commandOutput(res), err
	}
	switch action {
	case "get":
		v, err := parseJSON(res.Stdout)
		return toolOutput(v), err
	case "logs":
		pod, err := args.name(true, "pod", "name")
		return toolOutput(map[string]any{"logs": res.Stdout, "pod": pod}), err
	default:
		out := commandOutput(res)
		out["output"] = res.Stdout
		return out, nil
	}
}
