// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"strings"

	"aof.dev/operator/pkg/shell"
)

// defaultTail is how many lines of a log are read when the node does not say.
const defaultTail = 100

// docker asks the docker client: ps, logs, inspect or stats.
func (j *scriptJob) docker(ctx context.Context, action string, args toolArgs) (map[string]any, error) {
	const asJSON = "--format={{json .}}"
	names, err := args.names("container", "containers", "name", "id")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 && (action == "logs" || action == "inspect") {
		return nil, fail(ReasonInvalidConfig, "args: container is needed")
	}
	switch action {
	case "ps":
		list, failed, err := j.jsonLines(ctx, newCommand(args, "docker", "ps", asJSON).flag("--all", "all").option("--filter", "filter", "filters"))
		if err != nil || failed != nil {
			return failed, err
		}
		return toolOutput(map[string]any{"containers": list, "count": len(list)}), nil
	case "stats":
		list, failed, err := j.jsonLines(ctx, newCommand(args, "docker", "stats", "--no-stream", asJSON).words(names...))
		if err != nil || failed != nil {
			return failed, err
		}
		return toolOutput(map[string]any{"stats": list}), nil
	case "inspect":
		res, err := j.run(ctx, newCommand(args, "docker", "inspect").words(names...))
		if err != nil || res.ExitCode != 0 {
			return commandOutput(res), err
		}
		v, err := parseJSON(res.Stdout)
		return toolOutput(map[string]any{"inspect": v, "container": names[0]}), err
	case "logs":
		res, err := j.run(ctx, newCommand(args, "docker", "logs").count("--tail", defaultTail, "tail", "lines").
			option("--since", "since").flag("--timestamps", "timestamps").words(names[0]))
		if err != nil || res.ExitCode != 0 {
			return commandOutput(res), err
		}
		return toolOutput(map[string]any{"logs": res.Stdout, "stderr": res.Stderr, "container": names[0]}), nil
	default:
		return nil, noAction("docker", action, "ps", "logs", "inspect", "stats")
	}
}

// run starts a command that was put together.
func (j *scriptJob) run(ctx context.Context, c *command) (shell.Result, error) {
	if c.err != nil {
		return shell.Result{}, c.err
	}
	return j.exec(ctx, c.argv)
}

// jsonLines runs a command that writes one JSON value a line. failed is the
// output of one that ended with a status.
func (j *scriptJob) jsonLines(ctx context.Context, c *command) (list []any, failed map[string]any, err error) {
	res, err := j.run(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if res.ExitCode != 0 {
		return nil, commandOutput(res), nil
	}
	list, err = decodeStream([]byte(strings.TrimSpace(res.Stdout)))
	if err != nil {
		return nil, nil, fail(ReasonParse, "the output is not JSON: %v", err)
	}
	if list == nil {
		list = []any{}
	}
	return list, nil, nil
}
