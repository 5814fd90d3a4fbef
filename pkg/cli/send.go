// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/local"
)

// sending holds the flags of aof send.
type sending struct {
	reading
	trigger string
	event   string
	text    string
	wait    time.Duration
}

func newSendCommand(env *Env) *cobra.Command {
	o := &sending{}
	cmd := &cobra.Command{
		Use:   "send -n NAMESPACE (--event FILE | --trigger T --text TEXT)",
		Short: "Send a CloudEvent to a namespace",
		Long: `Posts a CloudEvent to /events/NAMESPACE and, with --wait, shows the runs it
started once they are over or wait.

Exit code 0 when the event was taken and, with --wait, all its runs succeeded; 1
when it was refused, matched nothing or a run failed; 3 when a run waits.`,
		Example: `  aof send -n quickstart --event examples/quickstart/event.json --wait 10s
  aof send -n quickstart --trigger web --text "help, latency is up"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.send(cmd.Context(), env) },
	}
	o.add(cmd, env)
	cmd.Flags().StringVar(&o.trigger, "trigger", "", "the event comes to this `Trigger`")
	cmd.Flags().StringVar(&o.event, "event", "", "the CloudEvent, or its data, in this `file`")
	cmd.Flags().StringVar(&o.text, "text", "", "an event with this `text`")
	cmd.Flags().DurationVar(&o.wait, "wait", 0, "wait up to this `duration` for the runs")
	cmd.MarkFlagsMutuallyExclusive("text", "event")
	cmd.MarkFlagsOneRequired("text", "event")
	return cmd
}

func (o *sending) send(ctx context.Context, env *Env) error {
	if o.namespace == "" {
		return badInput("say which namespace with -n")
	}
	if o.event == "" && o.trigger == "" {
		return badInput("say which Trigger the text comes to with --trigger")
	}
	e, err := o.read(env)
	if err != nil {
		return &ExitError{Code: ExitBadInput, Err: err}
	}
	c := newClient(o.server)
	if err := c.post(ctx, "/events/"+url.PathEscape(o.namespace), e); err != nil {
		return err
	}
	fmt.Fprintf(env.Err, "sent %s\n", oneLine(e.ID(), 200))
	if o.wait <= 0 {
		return nil
	}
	return o.follow(ctx, env, c, e)
}

func (o *sending) read(env *Env) (cloudevents.Event, error) {
	settings := local.Settings{Getenv: env.Getenv, Clock: env.Clock}
	e, err := (&running{event: o.event, text: o.text}).readEvent(env, settings)
	if err != nil {
		return e, err
	}
	if o.trigger != "" {
		e.SetExtension(event.ExtensionTrigger, o.trigger)
	}
	return e, nil
}

// post sends a CloudEvent in structured mode.
func (c *client) post(ctx context.Context, path string, e cloudevents.Event) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(raw))
	if err != nil {
		return badInput("server %q: %w", c.base, err)
	}
	req.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 == 2 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // half an explanation is better than none
	return &ExitError{Code: ExitFailed, Err: fmt.Errorf("the event was refused (%d): %s", resp.StatusCode, oneLine(string(body), 300))}
}

// follow asks for the event's runs until they are over or time is up.
func (o *sending) follow(ctx context.Context, env *Env, c *client, e cloudevents.Event) error {
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	runs, err := findResource("runs")
	if err != nil {
		return err
	}
	ticker := env.Clock.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		items, err := c.list(ctx, runs, o.namespace)
		if err != nil && ctx.Err() == nil {
			return err
		}
		mine := runsOf(items, e)
		if len(mine) > 0 && settled(mine) {
			return reportRuns(env, mine)
		}
		select {
		case <-ctx.Done():
			if len(mine) == 0 {
				return &ExitError{Code: ExitFailed, Err: errors.New("no run was started: `aof explain` says why")}
			}
			return reportRuns(env, mine)
		case <-ticker.C():
		}
	}
}

func runsOf(items []unstructured.Unstructured, e cloudevents.Event) []unstructured.Unstructured {
	var out []unstructured.Unstructured
	for _, item := range items {
		id, _, _ := unstructured.NestedString(item.Object, "spec", "event", "id")
		source, _, _ := unstructured.NestedString(item.Object, "spec", "event", "source")
		if id == e.ID() && source == e.Source() {
			out = append(out, item)
		}
	}
	return out
}

func phaseOf(item unstructured.Unstructured) aofv1.FlowRunPhase {
	phase, _, _ := unstructured.NestedString(item.Object, "status", "phase")
	return aofv1.FlowRunPhase(phase)
}

func settled(runs []unstructured.Unstructured) bool {
	for _, run := range runs {
		if p := phaseOf(run); !p.IsFinal() && p != aofv1.FlowRunPhaseWaiting {
			return false
		}
	}
	return true
}

// reportRuns describes the runs and gives the exit code of the worst.
func reportRuns(env *Env, runs []unstructured.Unstructured) error {
	code := ExitOK
	for i := range runs {
		if err := describe(env, &runs[i]); err != nil {
			return err
		}
		switch p := phaseOf(runs[i]); {
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
