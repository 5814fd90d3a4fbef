// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/uuid"

	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
)

const (
	// replayWait is how long replay looks for the runs it started, replayQuiet how
	// long no other must have come for it to have seen all.
	replayWait  = 15 * time.Second
	replayQuiet = time.Second
)

// replaying holds the flags of aof replay.
type replaying struct {
	sending

	force  bool
	output string
}

func newReplayCommand(env *Env) *cobra.Command {
	o := &replaying{}
	cmd := &cobra.Command{
		Use:   "replay --event (FILE | RUN | -) [--binding B | --trigger T]",
		Short: "Send a stored event again, as a new one",
		Long: `Sends a CloudEvent that was kept in a file or in a run again, the way that "send"
does: the Trigger's bindings match it anew, as they are now, and each that matches
starts a new run; --binding sends it to one of them alone. The new event has another
id, and names the id it had first in the attribute aofreplayof.

A binding with match.dedupe takes it for what it is: an event about the same thing as
the first. Within the window it starts nothing, unless with --force.

To run a failed run again, on the plan it had, use "retry".

Exit code 0 when it started a run, or, with --wait 0, was taken; 1 when it was refused
or no run came of it.`,
		Example: `  aof replay --event web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4
  kubectl aof replay --event alert.json --binding oncall --force`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.replay(cmd.Context(), env) },
	}
	o.add(cmd, env)
	flags := cmd.Flags()
	flags.StringVar(&o.event, "event", "", "the CloudEvent in this `file`, of this run, or - on standard input")
	flags.StringVar(&o.binding, "binding", "", "only this `FlowBinding` sees it")
	flags.StringVar(&o.trigger, "trigger", "", "it comes to this `Trigger`, not to the one it came to before")
	flags.BoolVar(&o.force, "force", false, "run it although another with its key did (match.dedupe)")
	flags.StringVar(&o.url, "url", "", "post to this `URL` of the broker's ingress")
	flags.StringVar(&o.broker, "broker", "default", "the `name` of the Broker in the Trigger's namespace")
	flags.DurationVar(&o.wait, "wait", replayWait, "look up to this `duration` for the runs that it starts; 0 does not")
	flags.StringVarP(&o.output, "output", "o", "", "print the runs as json, yaml or name")
	cmd.MarkFlagsMutuallyExclusive("binding", "trigger")
	_ = cmd.MarkFlagRequired("event") // it is one of the flags
	return cmd
}

func (o *replaying) replay(ctx context.Context, env *Env) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	stored, err := o.stored(ctx, env, c)
	if err != nil {
		return err
	}
	e := event.Replay(stored, string(uuid.NewUUID())[:8])
	if o.force {
		e.SetExtension(event.ExtensionForce, "true")
	}
	if err := o.dispatch(ctx, env, c, &e); err != nil || o.wait <= 0 {
		return err
	}
	return o.report(ctx, env, c, e)
}

// stored is the event that is to be sent again: that of a file or, if there is no
// such file, of a run. A run's goes to the Trigger it came to, unless a flag says
// another.
func (o *replaying) stored(ctx context.Context, env *Env, c *remote.Client) (cloudevents.Event, error) {
	_, err := os.Stat(o.event)
	if o.event == "-" || err == nil || !errors.Is(err, fs.ErrNotExist) {
		settings := local.Settings{Getenv: env.Getenv, Clock: env.Clock}
		e, err := local.ReadEvent(settings, o.event, env.In)
		if err != nil {
			return e, &ExitError{Code: ExitBadInput, Err: err}
		}
		return e, nil
	}
	u, err := o.run(ctx, c, o.event)
	if err != nil {
		return cloudevents.Event{}, err
	}
	run, err := readRun(u)
	if err != nil {
		return cloudevents.Event{}, err
	}
	var e cloudevents.Event
	if err := e.UnmarshalJSON(run.Spec.Event.Raw); err != nil {
		return e, failed("the event of run %s can't be read: %w", run.Name, err)
	}
	switch ref := run.Spec.Trigger; {
	case o.binding != "" || o.trigger != "":
		o.namespace = orElse(o.namespace, run.Namespace)
	case ref == nil:
		return e, failed("run %s was started by hand, its event came to no Trigger: say to which it is to come with --trigger", run.Name)
	default:
		o.trigger = ref.NamespacedName(run.Namespace).String()
		o.namespace = run.Namespace // where its runs are looked for
	}
	return e, nil
}

// report prints what the event started, once nothing more seems to come.
func (o *replaying) report(ctx context.Context, env *Env, c *remote.Client, e cloudevents.Event) error {
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	list := &listing{binding: o.binding}
	list.namespace = o.namespace
	var runs []unstructured.Unstructured
	for quiet := time.Duration(0); ; quiet += pollEvery {
		found, err := c.List(ctx, flowRuns, list.selection())
		if err != nil && ctx.Err() == nil {
			return startable(err)
		}
		before := len(runs)
		if err == nil {
			runs = startedOf(found, e)
		}
		if len(runs) > before {
			quiet = 0
		}
		// aof dev has made the runs by the time it answers.
		if ctx.Err() != nil || c.IsDev() || (len(runs) > 0 && quiet >= replayQuiet) {
			break
		}
		ticker := o.env.Clock.NewTicker(pollEvery)
		select {
		case <-ctx.Done():
		case <-ticker.C():
		}
		ticker.Stop()
	}
	return o.print(env, runs)
}

func startedOf(list *unstructured.UnstructuredList, e cloudevents.Event) []unstructured.Unstructured {
	var out []unstructured.Unstructured
	for i := range list.Items {
		if startedBy(&list.Items[i], e) {
			out = append(out, list.Items[i])
		}
	}
	newestFirst(out)
	return out
}

func (o *replaying) print(env *Env, runs []unstructured.Unstructured) error {
	if o.output != "" {
		items := make([]any, 0, len(runs))
		for i := range runs {
			items = append(items, runs[i].Object)
		}
		r, err := findResource(flowRuns.Plural)
		if err != nil {
			return err
		}
		object := map[string]any{"apiVersion": "v1", "kind": "List", "items": items}
		if err := printObjects(env.Out, o.output, r, object, runs); err != nil {
			return err
		}
	} else {
		for i := range runs {
			binding, _, _ := unstructured.NestedString(runs[i].Object, "spec", "binding", "name")
			fmt.Fprintf(env.Out, "run %s/%s of binding %s\n", runs[i].GetNamespace(), runs[i].GetName(), oneLine(binding, 100))
		}
	}
	if len(runs) > 0 {
		return nil
	}
	text := "no run was started"
	if o.namespace != "" {
		text += " in namespace " + o.namespace
	}
	text += ": `aof explain` says which bindings match"
	if !o.force {
		text += "; one with match.dedupe starts none for what it has seen, unless with --force"
	}
	return failed("%s", strings.TrimSpace(text))
}
