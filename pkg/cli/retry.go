// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
)

// retrying holds the flags of aof retry.
type retrying struct {
	target
	from   string
	latest bool
	output string
}

func newRetryCommand(env *Env) *cobra.Command {
	o := &retrying{}
	cmd := &cobra.Command{
		Use:   "retry RUN",
		Short: "Run a failed or cancelled run's event again",
		Long: `Makes a new run for the same event, from the beginning: nodes that succeeded
before are run again too. It runs on the plan of the old run (flow, agents and
context as they were); --latest takes the binding's present one.

One run can be retried once, whoever asks how often: what failed again is retried by
the new run's name. Exit code 0 when the new run is made, 1 when there is nothing to
retry or it was retried before.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.retry(cmd.Context(), args[0]) },
	}
	o.add(cmd, env)
	cmd.Flags().BoolVar(&o.latest, "latest", false, "run on the plan that the binding has now")
	cmd.Flags().StringVar(&o.from, "from", "", "begin at this `node`, with what came before as it was")
	addOutput(cmd, &o.output)
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *retrying) retry(ctx context.Context, arg string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	if o.from != "" {
		return badInput("--from %s: a run can't begin in the middle yet; without --from it is run from the beginning", o.from)
	}
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	u, err := o.run(ctx, c, arg)
	if err != nil {
		return err
	}
	old, err := readRun(u)
	if err != nil {
		return err
	}
	plan, err := o.plan(ctx, c, old)
	if err != nil {
		return err
	}
	again, err := retryOf(old, plan)
	if err != nil {
		return err
	}
	made, err := c.Create(ctx, flowRuns, again)
	if apierrors.IsAlreadyExists(err) {
		return o.before(ctx, c, old, again.GetName())
	}
	if err != nil {
		return startable(err)
	}
	if o.output != "" {
		return printRun(o.env, o.output, made)
	}
	fmt.Fprintf(o.env.Out, "run %s/%s retries %s\n", made.GetNamespace(), made.GetName(), old.Name)
	fmt.Fprintf(o.env.Err, "see it with: logs -f %s/%s\n", made.GetNamespace(), made.GetName())
	return nil
}

// plan is the one to run on, if the run may be retried at all.
func (o *retrying) plan(ctx context.Context, c *remote.Client, old *aofv1.FlowRun) (string, error) {
	switch old.Status.Phase {
	case aofv1.FlowRunPhaseFailed, aofv1.FlowRunPhaseCancelled:
	case aofv1.FlowRunPhaseSucceeded:
		return "", failed("run %s succeeded: there is nothing to retry; `aof send` makes a new event", old.Name)
	default:
		return "", failed("run %s is %s: cancel it first, or wait for its end", old.Name, old.Status.Phase)
	}
	if old.Spec.Binding == nil {
		return "", failed("run %s was started by hand, for no binding: nobody would run it again", old.Name)
	}
	if o.latest {
		return o.present(ctx, c, old)
	}
	if c.IsDev() {
		return old.Spec.Plan, nil
	}
	// Only a clear no keeps us from it: users need not be able to read these.
	binding := old.Spec.Binding.NamespacedName(old.Namespace)
	if _, err := c.Get(ctx, aofResource("flowbindings"), binding.Namespace, binding.Name); apierrors.IsNotFound(err) {
		return "", failed("the binding of run %s (%s) is gone: nobody would run it", old.Name, binding)
	}
	_, err := c.Get(ctx, configMaps, old.Namespace, old.Spec.Plan)
	if apierrors.IsNotFound(err) {
		return "", failed("the plan of run %s (%s) is gone; retry on the binding's present one with --latest", old.Name, old.Spec.Plan)
	}
	return old.Spec.Plan, nil
}

// present is the plan that the run's binding has now.
func (o *retrying) present(ctx context.Context, c *remote.Client, old *aofv1.FlowRun) (string, error) {
	key := old.Spec.Binding.NamespacedName(old.Namespace)
	u, err := o.object(ctx, c, aofResource("flowbindings"), key.Namespace, key.Name)
	if err != nil {
		return "", err
	}
	if plan, _, _ := unstructured.NestedString(u.Object, "status", "plan"); plan != "" {
		return plan, nil
	}
	return "", failed("binding %s has no plan now: `describe binding %s` says why", key, key.Name)
}

// before tells of the run that retried this one already.
func (o *retrying) before(ctx context.Context, c *remote.Client, old *aofv1.FlowRun, name string) error {
	state := ""
	if u, err := c.Get(ctx, flowRuns, old.Namespace, name); err == nil {
		if run, err := readRun(u); err == nil {
			state = ", which " + ending(run)
		}
	}
	return failed("run %s was retried already, by %s%s", old.Name, name, oneLine(state, 200))
}

// retryOf makes the run that retries another. Its name is made from the other's
// identity, so that of two who retry the same run one finds that it is done.
func retryOf(old *aofv1.FlowRun, plan string) (*unstructured.Unstructured, error) {
	var e cloudevents.Event
	if err := e.UnmarshalJSON(old.Spec.Event.Raw); err != nil {
		return nil, failed("the event of run %s can't be read: %w", old.Name, err)
	}
	b := claim.Binding{
		Namespace: old.Namespace, Flow: old.Spec.Flow, Trigger: old.Spec.Trigger, Context: old.Spec.Context, Plan: plan,
	}
	prefix := old.Spec.Flow.Name
	if old.Spec.Binding != nil {
		b.Name = old.Spec.Binding.Name
		prefix = b.Name
	}
	run, err := b.Run(e, old.Annotations[fold.AnnotationPattern])
	if err != nil {
		return nil, failed("the event of run %s can't be run again: %w", old.Name, err)
	}
	run.Name = ledger.RunName(prefix, string(old.UID), "retry", old.Name)
	run.Spec.Binding = old.Spec.Binding
	run.Spec.Event = old.Spec.Event
	run.Labels[names.LabelRetryOf] = old.Name
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(run)
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(object, "status")
	unstructured.RemoveNestedField(object, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: object}, nil
}
