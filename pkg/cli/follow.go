// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/cli/remote"
)

const (
	// pollEvery is how often a server without a watch is asked.
	pollEvery = 100 * time.Millisecond
	// watchAgain is how long we wait before a watch that ended is begun again.
	watchAgain = time.Second
)

// sight is a run as it was seen, or that it is gone.
type sight struct {
	run     *unstructured.Unstructured
	deleted bool
}

// follow calls see with all runs of a selection as they are, and again with those
// that changed, until see returns true or an error or the context ends, which is
// not an error. However often the server breaks off, no last state is missed.
func (t *target) follow(ctx context.Context, c *remote.Client, s remote.Selection, see func([]sight) (bool, error)) error {
	seen := map[string]string{} // resourceVersion by namespace/name
	for {
		done, err := t.glance(ctx, c, s, func(batch []sight) (bool, error) {
			batch = slices.DeleteFunc(batch, func(now sight) bool { return known(seen, now) })
			if len(batch) == 0 {
				return false, nil
			}
			return see(batch)
		})
		if done || ctx.Err() != nil {
			return nil //nolint:nilerr // whatever failed because we were told to stop is no failure
		}
		pause := watchAgain
		switch {
		case errors.Is(err, remote.ErrNoWatch):
			pause = pollEvery
		case err != nil:
			return startable(err)
		}
		ticker := t.env.Clock.NewTicker(pause)
		select {
		case <-ctx.Done():
		case <-ticker.C():
		}
		ticker.Stop()
	}
}

// known says whether a run was seen in this state before, and keeps that it is now.
func known(seen map[string]string, now sight) bool {
	key, version := now.run.GetNamespace()+"/"+now.run.GetName(), now.run.GetResourceVersion()
	if now.deleted {
		delete(seen, key)
		return false
	}
	if version != "" && seen[key] == version {
		return true
	}
	seen[key] = version
	return false
}

// glance lists once and then watches for as long as the server lets it.
func (t *target) glance(ctx context.Context, c *remote.Client, s remote.Selection, see func([]sight) (bool, error)) (bool, error) {
	list, err := c.List(ctx, flowRuns, s)
	if err != nil {
		return false, err
	}
	newestFirst(list.Items)
	batch := make([]sight, 0, len(list.Items))
	for i := range slices.Backward(list.Items) {
		batch = append(batch, sight{run: &list.Items[i]})
	}
	if done, err := see(batch); done || err != nil {
		return done, err
	}
	return c.Watch(ctx, flowRuns, s, list.GetResourceVersion(), func(kind watch.EventType, run *unstructured.Unstructured) (bool, error) {
		return see([]sight{{run, kind == watch.Deleted}})
	})
}

// followRun follows one run; on aof dev, which has no field selectors, it is
// picked out of the list.
func (t *target) followRun(ctx context.Context, c *remote.Client, run *unstructured.Unstructured, see func(sight) (bool, error)) error {
	s := remote.Selection{Namespace: run.GetNamespace()}
	if !c.IsDev() {
		s.Fields = "metadata.name=" + run.GetName()
	}
	return t.follow(ctx, c, s, func(batch []sight) (bool, error) {
		for _, now := range batch {
			if now.run.GetName() != run.GetName() {
				continue
			}
			if done, err := see(now); done || err != nil {
				return done, err
			}
		}
		return false, nil
	})
}

// run gives the run that an argument names: NAME, NAMESPACE/NAME, or what -o name
// prints. Without a namespace (aof dev) it is looked for in all.
func (t *target) run(ctx context.Context, c *remote.Client, arg string) (*unstructured.Unstructured, error) {
	namespace, name := t.namespace, arg
	if before, after, ok := strings.Cut(arg, "/"); ok {
		name = after
		if r, err := findResource(before); err != nil || r.Plural != flowRuns.Plural {
			namespace = before
		}
	}
	if name == "" {
		return nil, badInput("the run has no name")
	}
	r, err := findResource(flowRuns.Plural)
	if err != nil {
		return nil, err
	}
	was := t.namespace
	defer func() { t.namespace = was }()
	t.namespace = namespace
	return t.named(ctx, c, r, name)
}

// openRun opens and reads the run that a person names, as the server has it and as
// a run.
func (t *target) openRun(ctx context.Context, arg string) (*remote.Client, *unstructured.Unstructured, *aofv1.FlowRun, error) {
	c, err := t.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := t.run(ctx, c, arg)
	if err != nil {
		return nil, nil, nil, err
	}
	run, err := readRun(u)
	return c, u, run, err
}

// named gives the one object of that name; without a namespace (aof dev) it is
// looked for in all.
func (t *target) named(ctx context.Context, c *remote.Client, r resource, name string) (*unstructured.Unstructured, error) {
	if t.namespace != "" {
		return t.object(ctx, c, aofResource(r.Plural), t.namespace, name)
	}
	list, err := c.List(ctx, aofResource(r.Plural), remote.Selection{})
	if err != nil {
		return nil, startable(err)
	}
	found, err := pick(r, list.Items, []string{name})
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, badInput("there are %s called %q in several namespaces: say which with -n", r.Plural, name)
	}
	return &found[0], nil
}

// readRun gives a run as our type.
func readRun(u *unstructured.Unstructured) (*aofv1.FlowRun, error) {
	var run aofv1.FlowRun
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &run); err != nil {
		return nil, failed("read run %s: %w", u.GetName(), err)
	}
	if run.Status.Phase == "" {
		run.Status.Phase = aofv1.FlowRunPhasePending
	}
	return &run, nil
}
