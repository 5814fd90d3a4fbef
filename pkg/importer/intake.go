// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"aof.dev/operator/pkg/manifest"
)

// apiVersion is what everything imported gets.
const apiVersion = "aof.dev/v1"

// intake holds everything of one import.
type intake struct {
	objects   []*object // as read, then what was generated
	notes     []Note
	resolver  *resolver
	generated map[string]*object // by kind, namespace and name
}

func newIntake() *intake {
	return &intake{resolver: newResolver(), generated: map[string]*object{}}
}

// ours matches the API groups the project used over time.
var ours = regexp.MustCompile(`(^|\.)aof\.|agenticops|agentflow`)

func isOurs(apiVersion string) bool {
	group, _, versioned := strings.Cut(apiVersion, "/")
	return versioned && ours.MatchString(group)
}

// becomes maps the kinds upstream writes to the kinds written here.
var becomes = map[string]string{
	"Context":      "Context",
	"Trigger":      "Trigger",
	"FlowBinding":  "FlowBinding",
	"Binding":      "FlowBinding",
	"Agent":        "Agent",
	"AgentFleet":   "AgentFleet",
	"Fleet":        "AgentFleet",
	"AgentFlow":    "AgentFlow",
	"Flow":         "AgentFlow",
	"DaemonConfig": "DaemonConfig",
}

// read splits the documents into objects, without changing them yet.
func (in *intake) read(docs []*manifest.Document) {
	for _, doc := range docs {
		in.node(doc.File, doc.Root, "")
	}
	in.resolver.learn(in.objects)
}

// node takes one object, or the items of a list. Kind is what a typed list says
// its items are.
func (in *intake) node(file string, root *yaml.Node, kind string) {
	o := &object{in: in, file: file, line: max(root.Line, 1), root: root}
	o.index()
	if !isMapping(root) {
		o.note(nil, Skipped, "not an object with fields")
		return
	}
	if at := find(root, "kind"); at != nil {
		kind = str(at)
	}
	version := str(find(root, "apiVersion"))
	if item, isList := strings.CutSuffix(kind, "List"); isList && (isSequence(child(root, "items")) || child(root, "items") == nil) {
		if version != "" && !isOurs(version) && version != "v1" {
			o.note(nil, Skipped, "kind %s of %s is none of ours", clip(kind, 60), clip(version, 60))
			return
		}
		in.list(o, item)
		return
	}
	switch {
	case version != "" && !isOurs(version):
		o.note(nil, Skipped, "kind %s of %s is none of ours", clip(kind, 60), clip(version, 60))
		return
	case kind == "":
		kind = shape(root)
		if kind == "" {
			o.note(nil, Skipped, "no apiVersion and kind, and not the shape of an agent, fleet, flow, trigger, binding or context")
			return
		}
		o.wrote = kind
	case becomes[kind] == "":
		o.wrote, o.title = clip(kind, 60), clip(str(find(child(root, "metadata"), "name")), maxName)
		if version == "" {
			o.note(nil, Skipped, "kind %s is none of ours", o.wrote)
			return
		}
		o.refuse(find(root, "kind"), "%s", foreign(kind))
		return
	}
	o.wrote, o.kind = kind, becomes[kind]
	o.identify()
	in.objects = append(in.objects, o)
}

func (in *intake) list(o *object, kind string) {
	for _, item := range items(child(o.root, "items")) {
		in.node(o.file, item, kind)
	}
	keys(o.root, func(key, value *yaml.Node) {
		switch key.Value {
		case "apiVersion", "kind", "metadata", "items":
		default:
			o.dropped(value, "a list has no such field")
		}
	})
}

// foreign says what is the matter with a kind of upstream's that has no
// counterpart.
func foreign(kind string) string {
	switch kind {
	case "Workflow", "AgentWorkflow":
		return "kind " + kind + " is upstream's step workflow, which is not imported: write its steps as nodes and connections of an AgentFlow"
	case "ModelConfig":
		return "kind ModelConfig is not imported: models are named by provider:model, keys come from the Secret aof-credentials"
	case "Memory":
		return "kind Memory is not imported: memory is configured in spec.memory of the Agent"
	case "ToolServer":
		return "kind ToolServer is not imported: name the server in spec.mcp_servers of the Agents that use it"
	}
	return "kind " + clip(kind, 60) + " is not known: want Agent, AgentFleet (Fleet), AgentFlow (Flow), Context, Trigger, FlowBinding (Binding), DaemonConfig or a List of these"
}

// shape guesses the kind of a flat file from the fields it has.
func shape(root *yaml.Node) string {
	body := root
	if spec := child(root, "spec"); isMapping(spec) {
		body = spec
	}
	has := func(names ...string) bool { return find(body, names...) != nil }
	named := find(root, "name") != nil || child(root, "metadata") != nil
	switch {
	case has("nodes") && (has("connections") || has("trigger") || named):
		return "AgentFlow"
	case isSequence(find(body, "agents")) && (has("coordination") || named):
		return "AgentFleet"
	case has("trigger") && has("flow", "agent", "fleet"):
		return "FlowBinding"
	case has("platforms") && (has("server") || has("runtime")):
		return "DaemonConfig"
	case has("model") && has("instructions", "system_prompt", "system"), named && has("instructions", "system_prompt"):
		return "Agent"
	case named && has("config") && has("type", "platform") && platformName(body) != "":
		return "Trigger"
	case named && has("kubeconfig", "approval", "audit", "limits"):
		return "Context"
	}
	return ""
}

// identify finds name, namespace and spec, and gives the object the outline
// every kind has: apiVersion, kind, metadata, spec.
func (o *object) identify() {
	o.line = max(o.root.Line, 1)
	if first := o.root.Content; len(first) > 0 && o.root.HeadComment == "" {
		o.root.HeadComment = first[0].HeadComment
		first[0].HeadComment = ""
	}
	meta := o.section(o.root, "metadata")
	if meta == nil {
		meta = mapping(o.line)
	}
	if child(o.root, "metadata") == nil {
		for _, key := range []string{"name", "namespace", "labels", "annotations"} {
			if value := take(o.root, key); value != nil {
				set(meta, key, value)
			}
		}
	}
	o.spec = take(o.root, "spec")
	take(o.root, "apiVersion")
	take(o.root, "kind")
	take(o.root, "metadata")
	o.drop(o.root, "status", "status is the operator's to write")
	switch {
	case o.spec == nil || isNull(o.spec):
		// A flat file, or the older form with its fields beside metadata.
		o.spec = mapping(o.line, nil...)
		o.spec.Content, o.root.Content = o.root.Content, nil
	case !isMapping(o.spec):
		o.refuse(o.spec, "spec must hold fields")
		o.spec = mapping(o.line)
	}
	o.leftovers(o.root, "only metadata and spec stand beside kind")
	o.metadata(meta)
	header := o.root.HeadComment
	o.root = mapping(o.line,
		pair{"apiVersion", text(apiVersion, o.line)},
		pair{"kind", text(o.kind, o.line)},
		pair{"metadata", meta},
		pair{"spec", o.spec},
	)
	o.root.HeadComment = header
}

// metadata settles the name and keeps what a file may say about its object.
func (o *object) metadata(meta *yaml.Node) {
	at := take(meta, "name")
	o.title = clip(str(at), 253)
	o.name = objectName(o.title)
	switch {
	case o.name == "" && at != nil:
		o.refuse(at, "metadata.name %q gives no usable name", clip(o.title, 60))
	case o.name == "" && o.kind == "DaemonConfig":
		// Nothing is written under its name.
	case o.name == "":
		o.name = objectName(baseName(o.file))
		if o.file == stdinName || o.name == "" {
			o.refuse(nil, "metadata.name is missing")
		} else {
			o.changed(nil, "metadata.name is missing: named %s after the file", o.name)
		}
	case o.name != o.title:
		o.changed(at, "named %s: %q is not a name Kubernetes takes", o.name, clip(o.title, 60))
	}
	name := text(o.name, o.line)
	if at != nil {
		name.Line = at.Line
	}
	if ns := take(meta, "namespace"); str(ns) != "" {
		o.namespace = objectName(str(ns))
		setFirst(meta, "namespace", text(o.namespace, ns.Line))
	}
	setFirst(meta, "name", name)
	o.labels(meta)
	keys(meta, func(key, value *yaml.Node) {
		switch key.Value {
		case "name", "namespace", "labels", "annotations":
		case "creationTimestamp", "uid", "resourceVersion", "generation", "managedFields", "selfLink", "ownerReferences":
			o.drop(meta, key.Value, "it is the API server's to write")
		default:
			take(meta, key.Value)
			if isScalar(value) && key.Value == "description" {
				asText(value)
				set(o.ensure(meta, "annotations", value.Line), "aof.dev/description", value)
				return
			}
			o.dropped(value, "metadata has no such field")
		}
	})
}

const stdinName = "<stdin>"

// labels keeps labels Kubernetes takes and makes annotations of the others.
func (o *object) labels(meta *yaml.Node) {
	for _, section := range []string{"annotations", "labels"} {
		from := o.section(meta, section)
		keys(from, func(key, value *yaml.Node) {
			if !isScalar(value) {
				take(from, key.Value)
				if !isNull(value) {
					o.dropped(value, "the value must be text")
				}
				return
			}
			asText(value)
			if section == "labels" && !isLabel(value.Value) {
				take(from, key.Value)
				set(o.ensure(meta, "annotations", value.Line), key.Value, value)
				o.changed(value, "kept as an annotation: the value is not one a label takes")
			}
		})
		if from != nil && len(from.Content) == 0 {
			take(meta, section)
		}
	}
}

var label = regexp.MustCompile(`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`)

func isLabel(value string) bool { return len(value) <= 63 && label.MatchString(value) }

// convert turns every object into its kind here. Daemon configurations come
// last: what they say depends on the Triggers there are.
func (in *intake) convert() {
	read := in.objects
	for _, daemon := range []bool{false, true} {
		for _, o := range read {
			if (o.kind == "DaemonConfig") == daemon && !o.refused {
				o.convert()
			}
		}
	}
}

func (o *object) convert() {
	switch o.kind {
	case "Agent":
		o.agent(o.spec)
	case "AgentFleet":
		o.fleet()
	case "AgentFlow":
		o.flow()
	case "Context":
		o.context()
	case "Trigger":
		o.trigger()
	case "FlowBinding":
		o.binding()
	case "DaemonConfig":
		o.daemon()
	}
}
