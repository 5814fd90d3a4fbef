// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command finishcrds turns what controller-gen writes into the CRDs of the
// installation: config/core/300-<kind>.yaml. It spells out the fields of
// knative's conditions, which controller-gen can't see behind their Go types,
// and refuses a CRD in which it finds none to spell out.
//
//	finishcrds IN_DIR OUT_DIR
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

const header = `# Copyright The AOF Authors.
# SPDX-License-Identifier: Apache-2.0

# Generated from pkg/apis/aof/v1 by hack/codegen/update.sh. Do not edit.
`

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: finishcrds IN_DIR OUT_DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "finishcrds:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	from, err := os.OpenRoot(in)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	to, err := os.OpenRoot(out)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // the files in it are closed already
	files, err := fs.Glob(from.FS(), "*.yaml")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no CRDs in %s", in)
	}
	for _, file := range files {
		if err := finish(from, to, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func finish(from, to *os.Root, file string) error {
	data, err := from.ReadFile(file)
	if err != nil {
		return err
	}
	crd := map[string]any{}
	if err := yaml.Unmarshal(data, &crd); err != nil {
		return err
	}
	if err := spellOutConditions(crd); err != nil {
		return err
	}
	kind, _ := at(crd, "spec", "names", "kind").(string)
	if kind == "" {
		return errors.New("no spec.names.kind")
	}
	if metadata, ok := at(crd, "metadata").(map[string]any); ok {
		label(metadata, kind == "Trigger")
	}
	data, err = yaml.Marshal(crd)
	if err != nil {
		return err
	}
	name := "300-" + strings.ToLower(kind) + ".yaml"
	return to.WriteFile(name, append([]byte(header), data...), 0o600)
}

// label marks a CRD as ours, and that of an event source as Knative wants it, so
// that its tools (kn source list-types, the role source-observer) find it.
func label(metadata map[string]any, source bool) {
	labels := map[string]any{"app.kubernetes.io/part-of": "aof-operator"}
	metadata["labels"] = labels
	if !source {
		return
	}
	labels["duck.knative.dev/source"] = "true"
	labels["eventing.knative.dev/source"] = "true"
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations["registry.knative.dev/eventTypes"] = eventTypes
}

// eventTypes are those that Triggers send, for people who look for them.
const eventTypes = `[
  {"type": "dev.aof.slack.message", "description": "A message in Slack"},
  {"type": "dev.aof.slack.app_mention", "description": "A message in Slack that mentions the bot"},
  {"type": "dev.aof.slack.reaction_added", "description": "A reaction to a message in Slack"},
  {"type": "dev.aof.slack.slash_command", "description": "A slash command in Slack"},
  {"type": "dev.aof.http.webhook", "description": "A request to a webhook whose type nothing says"},
  {"type": "dev.knative.sources.ping", "description": "A point in time of a Trigger of type Schedule"}
]
`

// spellOutConditions gives status.conditions of every version the schema of
// knative.dev/pkg/apis.Condition, with the values and formats its fields have.
// No field is required: a condition someone else wrote must not block an update.
func spellOutConditions(crd map[string]any) error {
	versions, _ := at(crd, "spec", "versions").([]any)
	if len(versions) == 0 {
		return errors.New("no spec.versions")
	}
	for _, version := range versions {
		status, _ := at(version, "schema", "openAPIV3Schema", "properties", "status", "properties").(map[string]any)
		conditions, ok := at(status, "conditions").(map[string]any)
		if !ok {
			return errors.New("no status.conditions")
		}
		conditions["description"] = "Conditions say how the object stands, one for each thing that can be right or wrong."
		conditions["items"] = conditionSchema()
		describe(status, "observedGeneration", "ObservedGeneration is the metadata.generation the status speaks of.")
		describe(status, "annotations", "Annotations carry more about the object's state, for tools.")
	}
	return nil
}

func conditionSchema() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	status := text("Status is True, False or, when that is not known yet, Unknown.")
	status["enum"] = []any{"True", "False", "Unknown"}
	changed := text("LastTransitionTime is when status last changed.")
	changed["format"] = "date-time"
	return map[string]any{
		"type": "object",
		"properties": map[string]any{
			"type":               text("Type names what the condition is about."),
			"status":             status,
			"severity":           text("Severity of a condition that is not True: Warning, Info, or empty for an error."),
			"lastTransitionTime": changed,
			"reason":             text("Reason for the status in one CamelCase word."),
			"message":            text("Message for a human."),
		},
	}
}

func describe(properties map[string]any, name, description string) {
	if property, ok := properties[name].(map[string]any); ok {
		property["description"] = description
	}
}

// at walks maps by keys; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}
