// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package names is where the processes of the operator agree on what things are
// called in a cluster: objects that one of them makes and another finds, labels,
// annotations, keys and paths. It decides nothing. Whoever makes, finds or calls
// one of these imports it.
package names

import (
	"net/url"

	"knative.dev/pkg/kmeta"
)

// Labels and annotations.
const (
	// LabelManaged is "true" on every object the controller makes for users'
	// objects, so that informers see nothing else.
	LabelManaged = "aof.dev/managed"
	// LabelKind says what a ConfigMap of ours holds: one of the Kind constants.
	LabelKind = "aof.dev/kind"
	// LabelBinding names the FlowBinding an object or run belongs to,
	// LabelBindingNamespace its namespace where the object stands elsewhere.
	LabelBinding          = "aof.dev/binding"
	LabelBindingNamespace = "aof.dev/binding-namespace"
	// LabelTrigger names the AOF Trigger an object or run belongs to.
	LabelTrigger = "aof.dev/trigger"
	// LabelFlow names the AgentFlow of a run.
	LabelFlow = "aof.dev/flow"
	// LabelRetryOf names the run that a run tries again.
	LabelRetryOf = "aof.dev/retry-of"
	// AnnotationCredentials, on a runner's revision, changes with the
	// namespace's credentials, so that new ones make a new revision.
	AnnotationCredentials = "aof.dev/credentials-version" //nolint:gosec // a name
)

// What ConfigMaps of ours hold, and under which key.
const (
	KindPlan   = "plan"
	KindRoutes = "routes"
	KindTally  = "tally"
	KindEvents = "events"
	// KindQuestions is what runs of a Trigger ask people, and under which message.
	KindQuestions = "questions"
	// KindQuota is what a Context's runs have used, KindTurns whose turn it is
	// among a binding's.
	KindQuota = "quota"
	KindTurns = "turns"
	// KindDedupe is of Leases that keep business keys.
	KindDedupe = "dedupe"

	KeyPlan   = "plan.json"
	KeyRoutes = "routes.json"
	KeyTally  = "tally.json"
	KeyEvents = "events.json"

	KeyQuestions = "questions.json"

	KeyQuota = "quota.json"
)

// Objects with fixed names.
const (
	// Credentials is the Secret of a namespace that ${NAME} is taken from.
	Credentials = "aof-credentials"
	// Runner names the Knative Service of a namespace with bindings, and its
	// ServiceAccount, Role and RoleBinding.
	Runner = "aof-runner"
	// RunnerToken is the Secret with the runner's API token, server and CA.
	RunnerToken = "aof-runner-token"
	// Adapter names the adapter's Knative Service and ServiceAccount in the
	// operator's namespace, and its Role and RoleBinding where it may work.
	Adapter = "aof-adapter"
	// AdapterToken is the Secret with the adapter's API token, server and CA.
	AdapterToken = "aof-adapter-token" //nolint:gosec // a name
	// Controller and Webhook name the ServiceAccounts and Deployments of the
	// reconcilers and of the admission webhook.
	Controller = "aof-controller"
	Webhook    = "aof-webhook"
	// Stream is the Deployment that keeps connections open.
	Stream = "aof-stream"
	// Config is the ConfigMap with the operator's settings.
	Config = "config-aof"
	// SystemNamespace is where the operator is installed unless SYSTEM_NAMESPACE
	// says otherwise.
	SystemNamespace = "aof-system"
)

// Keys of the token Secrets, which are the environment variables of the same
// name in the process: the API server's URL, its CA in PEM, the bearer token.
const (
	EnvAPIServer = "AOF_API_SERVER"
	EnvAPICA     = "AOF_API_CA"
	EnvAPIToken  = "AOF_API_TOKEN" //nolint:gosec // a name
)

// Further environment of a runner, set on its Knative Service.
const (
	// EnvNamespace is the namespace the runner works in. Without it the one that
	// the API token names is taken.
	EnvNamespace = "AOF_NAMESPACE"
	// EnvRunnerTimeout is how long one request may last, as the Service's
	// timeoutSeconds say, in Go's form (10m0s). Without it settings.Default holds.
	EnvRunnerTimeout = "AOF_RUNNER_TIMEOUT"
)

// EnvStreams lists, for the process that keeps connections open, the Triggers that
// want one: namespace/name, separated by commas.
const EnvStreams = "AOF_STREAMS"

// ReplacedBy begins the reason of a run's cancellation that a newer run took the
// place of; the newer run's name follows.
const ReplacedBy = "replaced by run "

// Events between our own processes.
const (
	// TypeResume is the type of the event that has a run carried on.
	TypeResume = "dev.aof.run.resume"
	// ExtensionRun is the CloudEvents extension that names the run to carry on.
	ExtensionRun = "aofrun"
)

// Routes is the ConfigMap with the route table of an AOF Trigger, in its
// namespace.
func Routes(trigger string) string { return kmeta.ChildName("aof-routes-", trigger) }

// Questions is the ConfigMap that says which runs of an AOF Trigger wait for people,
// in the Trigger's namespace.
func Questions(trigger string) string { return kmeta.ChildName("aof-questions-", trigger) }

// Events is the ConfigMap in which the adapter counts a Trigger's events.
func Events(trigger string) string { return kmeta.ChildName("aof-events-", trigger) }

// Dedupe is the Lease that keeps a business key, by its digest.
func Dedupe(key string) string { return prefixDedupe + key }

// prefixDedupe begins the names of such Leases: no others are written by the
// processes on the way of an event (config/core/206-dedupe.yaml).
const prefixDedupe = "aof-dedupe-"

// Tally is the ConfigMap in which finished runs of an object are counted; kind
// is flowbinding, agentflow, agent or trigger.
func Tally(kind, name string) string { return kmeta.ChildName("aof-tally-"+kind+"-", name) }

// Quota is the ConfigMap in which is kept what the runs of a Context have used of
// its limits, in the Context's namespace, and what lets runners write it.
func Quota(context string) string { return kmeta.ChildName("aof-quota-", context) }

// QuotaOf lets the runner of a namespace write a Context's quota: a RoleBinding
// in the Context's namespace.
func QuotaOf(context, namespace string) string {
	return kmeta.ChildName("aof-quota-"+context+"-", namespace)
}

// Turns is the ConfigMap in which is kept whose turn it is among the runs of a
// binding, and what lets its runner write that.
func Turns(binding string) string { return kmeta.ChildName("aof-turns-", binding) }

// KnativeTrigger is the Knative Trigger of a binding, in the namespace of the
// AOF Trigger: bindings of several namespaces may share it.
func KnativeTrigger(namespace, binding string) string {
	return kmeta.ChildName("aof-"+namespace+"-", binding)
}

// BindingPath is where a runner takes the events of a binding, with the plan to
// run them on.
func BindingPath(binding, plan string) string {
	return "/bindings/" + url.PathEscape(binding) + "?" + url.Values{"plan": {plan}}.Encode()
}

// DeadLetterPath is where a runner takes what could not be delivered for a
// binding, to record it as a failed run.
func DeadLetterPath(binding, plan string) string {
	return "/dead-letters/" + url.PathEscape(binding) + "?" + url.Values{"plan": {plan}}.Encode()
}
