// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/reconciler/credentials"
	"aof.dev/operator/pkg/route"
)

// Input is all that a decision is made from.
type Input struct {
	Trigger *aofv1.Trigger
	// Invalid says what is wrong with its spec; nil when nothing is.
	Invalid error
	// BrokerName is the Broker's, Broker the object; nil when there is none.
	BrokerName string
	Broker     *eventingv1.Broker
	// Credentials are those of the Trigger's namespace.
	Credentials credentials.Keys
	// Bindings are the Trigger's whose plan could be read, sorted by their rules'
	// IDs. Unread are those whose plan is not there yet.
	Bindings []route.Binding
	Unread   []string
	// Routes is the route table as it stands; nil when there is none.
	Routes *route.Table
	// Adapter says where the adapter is.
	Adapter Adapter
	// Ping is the PingSource of a schedule; nil when there is none.
	Ping *sourcesv1.PingSource
}

// Adapter is the adapter's Knative Service.
type Adapter struct {
	// URL is where platforms reach it; empty when nobody knows.
	URL string
	// Ready is its condition; nil when it has none.
	Ready *apis.Condition
}

// verdict is what a condition is to say.
type verdict struct {
	status          corev1.ConditionStatus
	reason, message string
}

func yes(message string) verdict { return verdict{status: corev1.ConditionTrue, message: message} }

func no(reason, format string, args ...any) verdict {
	return verdict{status: corev1.ConditionFalse, reason: reason, message: fmt.Sprintf(format, args...)}
}

func unknown(reason, format string, args ...any) verdict {
	return verdict{status: corev1.ConditionUnknown, reason: reason, message: fmt.Sprintf(format, args...)}
}

// Decision is what the Trigger needs and what its status says.
type Decision struct {
	configuration, credentials, broker, durable, connected verdict
	// Table is the route table the adapter is to have.
	Table *route.Table
	// Schedule says whether a PingSource is needed.
	Schedule bool
	// Endpoint is the Trigger's address at the adapter; empty when it takes no
	// requests.
	Endpoint string

	// routed is how many bindings the table that is stored has.
	routed int
	// again is when to look again because a table is not written yet; zero is never.
	again time.Duration
}

// Decide says what a Trigger needs. It is pure.
func Decide(in *Input) *Decision {
	how := intakeOf(&in.Trigger.Spec)
	config, others := references(in.Trigger.Spec.Config)
	d := &Decision{
		Schedule: how == schedule && in.Trigger.IsEnabled(),
		Table:    table(in, config),
	}
	d.routed = len(d.Table.Bindings)
	if how == webhook && in.Adapter.URL != "" {
		d.Endpoint = strings.TrimSuffix(in.Adapter.URL, "/") + "/" + in.Trigger.Namespace + "/" + in.Trigger.Name
	}
	d.credentials = decideCredentials(in, config, others)
	d.configuration = decideConfiguration(in, how, d.credentials)
	d.broker, d.durable = decideBroker(in)
	d.connected = decideConnected(in, how, d)
	return d
}

// table is what the adapter is to know. A binding whose plan can't be read keeps
// the entry it has: an event must not go by unseen while a plan is on its way.
func table(in *Input, config map[string]any) *route.Table {
	t := &route.Table{
		Namespace: in.Trigger.Namespace, Trigger: in.Trigger.Name, Type: string(in.Trigger.Spec.Type), Config: config,
		Broker: brokerURL(in.Broker), Bindings: slices.Clone(in.Bindings),
	}
	if !in.Trigger.IsEnabled() {
		t.Disabled = "the trigger is disabled"
	}
	if in.Routes == nil {
		return t
	}
	for _, id := range in.Unread {
		if kept, ok := in.Routes.Binding(id); ok {
			t.Bindings = append(t.Bindings, *kept)
		}
	}
	slices.SortFunc(t.Bindings, func(a, b route.Binding) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	return t
}

func brokerURL(b *eventingv1.Broker) string {
	if b == nil || b.Status.Address == nil || b.Status.Address.URL == nil {
		return ""
	}
	return b.Status.Address.URL.String()
}

func decideCredentials(in *Input, config map[string]any, others []string) verdict {
	if len(others) > 0 {
		slices.Sort(others)
		return no(aofv1.ReasonCredentialsMissing, "spec.config refers to Secret %s; credentials are taken from Secret %s only",
			strings.Join(slices.Compact(others), ", "), names.Credentials)
	}
	if missing := in.Credentials.Missing(config); len(missing) > 0 {
		return no(aofv1.ReasonCredentialsMissing, "spec.config refers to %s, which Secret %s of the namespace does not have",
			strings.Join(missing, ", "), names.Credentials)
	}
	return yes("")
}

func decideConfiguration(in *Input, how intake, credentials verdict) verdict {
	if in.Invalid != nil {
		return no(aofv1.ReasonConfigurationInvalid, "%s", in.Invalid.Error())
	}
	if how == unsupported {
		return no(aofv1.ReasonUnsupportedType, "the operator does not listen to %s; CloudEvents sent to the Broker with the attribute aoftrigger=%s start runs all the same",
			in.Trigger.Spec.Type, in.Trigger.Name)
	}
	if missing := required(&in.Trigger.Spec); len(missing) > 0 {
		return no(aofv1.ReasonCredentialsMissing, "%s is not set, so no request can be trusted", strings.Join(missing, ", "))
	}
	return credentials
}

// decideBroker says how the Broker stands, and whether it keeps what it took.
func decideBroker(in *Input) (ready, durable verdict) {
	if in.Broker == nil {
		return unknown(aofv1.ReasonBrokerNotReady, "Broker %s is being made", in.BrokerName), unknown(aofv1.ReasonNotYetKnown, "")
	}
	switch c := in.Broker.Status.GetCondition(apis.ConditionReady); {
	case in.Broker.DeletionTimestamp != nil:
		ready = unknown(aofv1.ReasonBrokerNotReady, "Broker %s is being deleted", in.BrokerName)
	case c.IsTrue() && brokerURL(in.Broker) != "":
		ready = yes("")
	case c.IsFalse():
		ready = no(aofv1.ReasonBrokerNotReady, "Broker %s: %s: %s", in.BrokerName, c.Reason, c.Message)
	default:
		ready = unknown(aofv1.ReasonBrokerNotReady, "Broker %s: %s", in.BrokerName, c.GetMessage())
	}
	return ready, decideDurable(in.Broker)
}

const inMemoryChannel = "InMemoryChannel"

func decideDurable(b *eventingv1.Broker) verdict {
	class := b.Annotations[eventing.BrokerClassKey]
	if class != eventing.MTChannelBrokerClassValue {
		return yes("Brokers of class " + class + " keep events")
	}
	switch channel := b.Status.Annotations[eventing.BrokerChannelKindStatusAnnotationKey]; channel {
	case inMemoryChannel:
		return no(aofv1.ReasonInMemoryChannel, "events on their way are lost when the channel's pods restart; those that the adapter acknowledged are sent again, others are not")
	case "":
		return unknown(aofv1.ReasonNotYetKnown, "the Broker has no channel yet")
	default:
		return yes("channels of kind " + channel + " keep events")
	}
}

// decideConnected says whether events can arrive.
func decideConnected(in *Input, how intake, d *Decision) verdict {
	switch {
	case !in.Trigger.IsEnabled():
		return no(aofv1.ReasonDisabled, "spec.enabled is false")
	case how == unsupported:
		return no(aofv1.ReasonUnsupportedType, "the operator does not listen to %s", in.Trigger.Spec.Type)
	case d.configuration.status != corev1.ConditionTrue:
		return unknown(d.configuration.reason, "waits for a valid configuration")
	case d.broker.status != corev1.ConditionTrue:
		// Every Broker fails for a moment while it comes up: it is waited for.
		return unknown(d.broker.reason, "%s", d.broker.message)
	case how == webhook:
		return decideAdapter(in)
	case how == schedule:
		return decidePing(in.Ping)
	case how == stream:
		return yes("Deployment " + names.Stream + " keeps a connection open")
	default:
		return yes("")
	}
}

func decideAdapter(in *Input) verdict {
	switch {
	case in.Adapter.Ready == nil:
		return unknown(aofv1.ReasonAdapterNotReady, "Knative Service %s is not there yet", names.Adapter)
	case in.Adapter.Ready.IsTrue() && in.Adapter.URL != "":
		return yes("")
	default:
		return unknown(aofv1.ReasonAdapterNotReady, "Knative Service %s: %s", names.Adapter, in.Adapter.Ready.GetMessage())
	}
}

func decidePing(p *sourcesv1.PingSource) verdict {
	if p == nil {
		return unknown(aofv1.ReasonScheduleNotReady, "the PingSource is being made")
	}
	switch c := p.Status.GetCondition(apis.ConditionReady); {
	case c.IsTrue():
		return yes("")
	case c.IsFalse():
		return no(aofv1.ReasonScheduleNotReady, "PingSource %s: %s: %s", p.Name, c.Reason, c.Message)
	default:
		return unknown(aofv1.ReasonScheduleNotReady, "PingSource %s: %s", p.Name, c.GetMessage())
	}
}
