// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/claim"
	"aof.dev/operator/pkg/cli/remote"
	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/runner"
)

// retrying holds the flags of aof retry.
type retrying struct {
	target
	from   []string
	latest bool
	output string
}

func newRetryCommand(env *Env) *cobra.Command {
	o := &retrying{}
	cmd := &cobra.Command{
		Use:   "retry RUN [--from NODE]",
		Short: "Run a failed or cancelled run's event again",
		Long: `Makes a new run for the same event, from the beginning: nodes that succeeded
before are run again too. It runs on the plan of the old run (flow, agents and
context as they were); --latest takes the binding's present one.

With --from NODE the new run begins at that node and takes over, as they were, the
nodes that do not come after it, approvals included; the node and what follows it
run anew, and what has to be approved there is asked again. Several nodes can be
named, for example two branches that failed. --from goes with the old run's plan
only: what was done before says nothing about another flow.

One run can be retried once from the beginning, and once from each node, whoever
asks how often: what failed again is retried by the new run's name. Exit code 0 when
the new run is made, 1 when there is nothing to retry or it was retried before.`,
		Example: `  aof retry web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4
  kubectl aof retry web-triage-kk7uuq4ghcg9ck0tg1hhuo7rq4 --from apply`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.retry(cmd.Context(), args[0]) },
	}
	o.add(cmd, env)
	cmd.Flags().BoolVar(&o.latest, "latest", false, "run on the plan that the binding has now")
	cmd.Flags().StringSliceVar(&o.from, "from", nil, "begin at this `node`, with what came before as it was; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("from", "latest")
	addOutput(cmd, &o.output)
	cmd.ValidArgsFunction = o.completeRuns(env)
	return cmd
}

func (o *retrying) retry(ctx context.Context, arg string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	slices.Sort(o.from)
	o.from = slices.Compact(o.from)
	c, _, old, err := o.openRun(ctx, arg)
	if err != nil {
		return err
	}
	plan, err := o.plan(ctx, c, old)
	if err != nil {
		return err
	}
	if err := o.rewind(ctx, c, old); err != nil {
		return err
	}
	again, err := retryOf(old, plan, o.from)
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
	fmt.Fprintf(o.env.Out, "run %s/%s retries %s%s\n", made.GetNamespace(), made.GetName(), old.Name, fromText(o.from))
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
	return failed("run %s was retried%s already, by %s%s", old.Name, fromText(o.from), name, oneLine(state, 200))
}

// fromText says where a run begins again; nothing when that is the beginning.
func fromText(from []string) string {
	if len(from) == 0 {
		return ""
	}
	return " from " + oneLine(strings.Join(from, ", "), 200)
}

// rewind refuses what the runner would: a run that can't begin at the nodes given.
// Where the plan can't be read the journal alone tells, and the runner the rest.
func (o *retrying) rewind(ctx context.Context, c *remote.Client, old *aofv1.FlowRun) error {
	if len(o.from) == 0 {
		return nil
	}
	definition, ok := planFlow(ctx, c, old)
	if !ok {
		return rewindUnseen(old, o.from)
	}
	compiled, err := flow.Compile(definition)
	if err != nil {
		return failed("the plan of run %s (%s): %w", old.Name, old.Spec.Plan, err)
	}
	rewound, err := runner.Rewind(old, compiled, o.from)
	if err != nil {
		return failed("%w", err)
	}
	if len(rewound.Failed) > 0 {
		fmt.Fprintf(o.env.Err, "node %s failed as well and stays so, so the run will fail again: name it with --from, too\n",
			oneLine(strings.Join(rewound.Failed, ", "), 200))
	}
	return nil
}

// rewindUnseen asks of the nodes only that the run came to them.
func rewindUnseen(old *aofv1.FlowRun, from []string) error {
	var reached []string
	for i := range old.Status.Nodes {
		n := &old.Status.Nodes[i]
		if n.Phase == aofv1.NodePhaseSucceeded || n.Phase == aofv1.NodePhaseFailed || n.Attempt > 0 {
			reached = append(reached, n.ID)
		}
	}
	for _, id := range from {
		if !slices.Contains(reached, id) {
			return failed("run %s: %w", old.Name, &flow.RewindError{Node: id, Known: true, Candidates: reached})
		}
	}
	return nil
}

// retryOf makes the run that retries another. Its name is made from the other's
// identity and from where it begins, so that of two who retry the same run one
// finds that it is done.
func retryOf(old *aofv1.FlowRun, plan string, from []string) (*unstructured.Unstructured, error) {
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
	if len(from) > 0 {
		nodes, err := json.Marshal(from)
		if err != nil {
			return nil, err
		}
		run.Name = ledger.RunName(prefix, string(old.UID), "retry-from", string(nodes))
		run.Spec.Retry = &aofv1.RunRetry{Run: old.Name, UID: old.UID, From: from}
	}
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
