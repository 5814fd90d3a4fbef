// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
)

// brokers are Knative's.
var brokers = remote.Resource{Group: "eventing.knative.dev", Version: "v1", Plural: "brokers"}

// sending holds the flags of aof send.
type sending struct {
	target
	binding, trigger  string
	event, text, data string
	eventType         string
	url, broker       string
	wait              time.Duration
}

func newSendCommand(env *Env) *cobra.Command {
	o := &sending{}
	cmd := &cobra.Command{
		Use:   "send (--binding B | --trigger T) (--text TEXT | --data JSON | --event FILE)",
		Short: "Send a CloudEvent to a Trigger",
		Long: `Sends a CloudEvent to a Trigger or, with --binding, to the Trigger of a binding
for that binding alone, and with --wait shows the runs it started once they are over
or wait. It is matched like any other event: "explain" says what would match.

With aof dev the event goes to /events/NAMESPACE, where every binding of the Trigger
sees it. In a cluster it goes to the Trigger's Broker. That is reachable only from
inside, so the API server passes it on, for which you need the right to create
services/proxy in the namespace of the broker's ingress (knative-eventing); or give
with --url an address of the broker's ingress that you can reach.

Exit code 0 when the event was taken and, with --wait, all its runs succeeded; 1
when it was refused, matched nothing or a run failed; 3 when a run waits.`,
		Example: `  aof send -n quickstart --event examples/quickstart/event.json --wait 10s
  aof send -n quickstart --trigger web --text "help, latency is up"
  kubectl aof send --binding oncall --data '{"text":"disk full","severity":"high"}' --wait 1m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.send(cmd.Context(), env) },
	}
	o.add(cmd, env)
	flags := cmd.Flags()
	flags.StringVar(&o.binding, "binding", "", "the event is for this `FlowBinding`")
	flags.StringVar(&o.trigger, "trigger", "", "the event comes to this `Trigger`")
	flags.StringVar(&o.event, "event", "", "the CloudEvent, or its data, in this `file` (- is standard input)")
	flags.StringVar(&o.text, "text", "", "an event with this `text`")
	flags.StringVar(&o.data, "data", "", "an event with this `JSON` object as its data, or @FILE; --text goes into it")
	flags.StringVar(&o.eventType, "type", "", "the CloudEvents `type`")
	flags.StringVar(&o.url, "url", "", "post to this `URL` of the broker's ingress")
	flags.StringVar(&o.broker, "broker", "default", "the `name` of the Broker in the Trigger's namespace")
	flags.DurationVar(&o.wait, "wait", 0, "wait up to this `duration` for the runs")
	cmd.MarkFlagsMutuallyExclusive("text", "event")
	cmd.MarkFlagsMutuallyExclusive("data", "event")
	cmd.MarkFlagsMutuallyExclusive("binding", "trigger")
	cmd.MarkFlagsOneRequired("text", "event", "data")
	return cmd
}

func (o *sending) send(ctx context.Context, env *Env) error {
	if o.event == "" && o.binding == "" && o.trigger == "" {
		return badInput("say which Trigger the event comes to with --trigger, or which binding it is for with --binding")
	}
	e, err := o.read(env)
	if err != nil {
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	if err := o.dispatch(ctx, env, c, &e); err != nil || o.wait <= 0 {
		return err
	}
	return o.await(ctx, env, c, e)
}

// dispatch addresses an event and sends it.
func (o *sending) dispatch(ctx context.Context, env *Env, c *remote.Client, e *cloudevents.Event) error {
	namespace, err := o.address(ctx, c, e)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return badInput("event: %w", err)
	}
	if len(raw) > event.MaxBytes {
		return badInput("event: it has %d bytes, at most %d are allowed", len(raw), event.MaxBytes)
	}
	if err := o.post(ctx, c, namespace, raw); err != nil {
		return err
	}
	fmt.Fprintf(env.Err, "sent %s\n", oneLine(e.ID(), 300))
	return nil
}

// read makes the event that the flags tell of.
func (o *sending) read(env *Env) (cloudevents.Event, error) {
	settings := local.Settings{Getenv: env.Getenv, Clock: env.Clock}
	e, err := o.content(env, settings)
	if err == nil && o.eventType != "" {
		e.SetType(o.eventType)
		err = e.Validate()
	}
	return e, err
}

func (o *sending) content(env *Env, settings local.Settings) (cloudevents.Event, error) {
	if o.data == "" {
		return (&running{event: o.event, text: o.text}).readEvent(env, settings)
	}
	text := o.data
	if file, ok := strings.CutPrefix(text, "@"); ok {
		raw, err := os.ReadFile(file)
		if err != nil {
			return cloudevents.Event{}, fmt.Errorf("--data: %w", err)
		}
		text = string(raw)
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return cloudevents.Event{}, fmt.Errorf("--data: want a JSON object: %w", err)
	}
	if o.text != "" {
		data["text"] = o.text
	}
	wrapped, err := json.Marshal(map[string]any{"event": data})
	if err != nil {
		return cloudevents.Event{}, err
	}
	return local.ReadEvent(settings, "-", strings.NewReader(string(wrapped)))
}

// address says in the event which Trigger it is for, and gives the namespace of
// that Trigger.
func (o *sending) address(ctx context.Context, c *remote.Client, e *cloudevents.Event) (string, error) {
	if o.binding != "" {
		return o.toBinding(ctx, c, e)
	}
	namespace, name := o.namespace, o.trigger
	if before, after, ok := strings.Cut(name, "/"); ok {
		namespace, name = before, after
	}
	if name == "" {
		name, _ = e.Extensions()[event.ExtensionTrigger].(string)
		if name == "" && !c.IsDev() {
			return "", badInput("the event names no Trigger: say which it comes to with --trigger, or which binding it is for with --binding")
		}
	}
	if namespace == "" {
		return "", badInput("say which namespace with -n")
	}
	if o.trigger != "" {
		e.SetExtension(event.ExtensionTrigger, name)
	}
	if c.IsDev() {
		return namespace, nil // it says itself what is wrong
	}
	// A broker takes events for nobody; only a clear no keeps us from sending.
	if _, err := c.Get(ctx, aofResource("triggers"), namespace, name); apierrors.IsNotFound(err) && !remote.IsUnknownKind(err) {
		return "", o.notFound(ctx, c, aofResource("triggers"), namespace, name)
	}
	return namespace, nil
}

func (o *sending) toBinding(ctx context.Context, c *remote.Client, e *cloudevents.Event) (string, error) {
	r, err := findResource("flowbindings")
	if err != nil {
		return "", err
	}
	name := o.binding
	if before, after, ok := strings.Cut(name, "/"); ok {
		o.namespace, name = before, after
	}
	found, err := o.named(ctx, c, r, name)
	if err != nil {
		return "", err
	}
	o.namespace, o.binding = found.GetNamespace(), found.GetName()
	trigger, _, _ := unstructured.NestedString(found.Object, "spec", "trigger", "name")
	namespace, _, _ := unstructured.NestedString(found.Object, "spec", "trigger", "namespace")
	e.SetExtension(event.ExtensionTrigger, trigger)
	e.SetExtension(event.ExtensionMatch, "|"+o.namespace+"/"+o.binding+"|")
	return orElse(namespace, o.namespace), nil
}

// post hands the event to whoever takes it.
func (o *sending) post(ctx context.Context, c *remote.Client, namespace string, raw []byte) error {
	var err error
	switch {
	case o.url != "":
		err = remote.SendTo(ctx, o.url, cloudevents.ApplicationCloudEventsJSON, raw)
	case c.IsDev():
		err = c.Send(ctx, "/events/"+url.PathEscape(namespace), cloudevents.ApplicationCloudEventsJSON, raw)
	default:
		address, lost := o.brokerAddress(ctx, c, namespace)
		if lost != nil {
			return lost
		}
		if err = c.SendToService(ctx, address, cloudevents.ApplicationCloudEventsJSON, raw); remote.IsForbidden(err) {
			return failed("%w, or give an address of the broker that you can reach with --url", err)
		}
	}
	var refused *remote.NotTakenError
	if errors.As(err, &refused) {
		return failed("%s", oneLine(refused.Error(), 400))
	}
	return startable(err)
}

// brokerAddress is where the Broker takes events inside the cluster.
func (o *sending) brokerAddress(ctx context.Context, c *remote.Client, namespace string) (string, error) {
	u, err := o.object(ctx, c, brokers, namespace, o.broker)
	if err != nil {
		if remote.IsForbidden(err) {
			return "", failed("%w, or give an address of the broker that you can reach with --url", err)
		}
		return "", err
	}
	address, _, _ := unstructured.NestedString(u.Object, "status", "address", "url")
	if address == "" {
		return "", failed("broker %s/%s has no address yet: it is not ready", namespace, o.broker)
	}
	return address, nil
}

// await follows the event's runs until they are over or wait, or time is up.
func (o *sending) await(ctx context.Context, env *Env, c *remote.Client, e cloudevents.Event) error {
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	mine := map[string]unstructured.Unstructured{}
	list := &listing{binding: o.binding}
	list.namespace = o.namespace
	err := o.follow(ctx, c, list.selection(), func(batch []sight) (bool, error) {
		for _, now := range batch {
			if !startedBy(now.run, e) {
				continue
			}
			if env.Terminal {
				fmt.Fprintf(env.Err, "%s %s\n", now.run.GetName(), orElse(string(phaseOf(*now.run)), "Pending"))
			}
			mine[now.run.GetName()] = *now.run
		}
		return len(mine) > 0 && settled(mine), nil
	})
	if err != nil {
		return err
	}
	if len(mine) == 0 {
		return failed("no run was started: `aof explain` says why")
	}
	return reportRuns(context.WithoutCancel(ctx), env, c, mine)
}

func startedBy(run *unstructured.Unstructured, e cloudevents.Event) bool {
	id, _, _ := unstructured.NestedString(run.Object, "spec", "event", "id")
	source, _, _ := unstructured.NestedString(run.Object, "spec", "event", "source")
	return id == e.ID() && source == e.Source()
}

func phaseOf(item unstructured.Unstructured) aofv1.FlowRunPhase {
	phase, _, _ := unstructured.NestedString(item.Object, "status", "phase")
	return aofv1.FlowRunPhase(phase)
}

func settled(runs map[string]unstructured.Unstructured) bool {
	for _, run := range runs {
		if p := phaseOf(run); !p.IsFinal() && p != aofv1.FlowRunPhaseWaiting {
			return false
		}
	}
	return true
}

// reportRuns describes the runs and gives the exit code of the worst.
func reportRuns(ctx context.Context, env *Env, c *remote.Client, runs map[string]unstructured.Unstructured) error {
	code := ExitOK
	for _, name := range slices.Sorted(maps.Keys(runs)) {
		run := runs[name]
		if err := describe(env, &run, shapeOf(ctx, c, &run)); err != nil {
			return err
		}
		switch p := phaseOf(run); {
		case p == aofv1.FlowRunPhaseSucceeded:
		case p == aofv1.FlowRunPhaseWaiting && code == ExitOK:
			code = ExitWaiting
		case p != aofv1.FlowRunPhaseWaiting:
			code = ExitFailed
		}
	}
	if code == ExitOK {
		return nil
	}
	return &ExitError{Code: code}
}
