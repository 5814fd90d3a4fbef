// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/secretref"
)

// tallies reads the tallies that a listing needs in one consistent view.
func (s *Server) tallies(ctx context.Context, kind string) (map[string]*fold.Tally, error) {
	out := map[string]*fold.Tally{}
	err := s.store.View(ctx, func(docs ledger.Documents) error {
		keys, err := docs.Keys(kind)
		if err != nil {
			return err
		}
		for _, key := range keys {
			t := &fold.Tally{}
			if _, err := docs.Load(kind, key, t); err != nil {
				return err
			}
			out[key] = t
		}
		return nil
	})
	return out, err
}

// show gives every object of a kind with its status as it stands now.
func (s *Server) show(ctx context.Context, plural string) ([]runtime.Object, error) {
	scene := s.current()
	var out []runtime.Object
	defer func() {
		for _, o := range out {
			settleTimes(o, scene.since)
		}
	}()
	switch plural {
	case "contexts":
		for _, c := range scene.world.contexts {
			out = append(out, s.showContext(c))
		}
	case "triggers":
		for _, t := range scene.world.triggers {
			out = append(out, s.showTrigger(scene, t))
		}
	case "agentflows":
		tallies, err := s.tallies(ctx, tallyFlow)
		if err != nil {
			return nil, err
		}
		for key, f := range scene.world.flows {
			out = append(out, scene.showFlow(f, tallies[key.String()]))
		}
	case "agents":
		tallies, err := s.tallies(ctx, tallyAgent)
		if err != nil {
			return nil, err
		}
		for key, a := range scene.world.agents {
			out = append(out, showAgent(a, tallies[key.String()]))
		}
	case "agentfleets":
		for _, f := range scene.world.fleets {
			out = append(out, showFleet(f))
		}
	case "flowbindings":
		tallies, err := s.tallies(ctx, tallyBinding)
		if err != nil {
			return nil, err
		}
		for _, b := range scene.world.bindings {
			out = append(out, s.showBinding(scene, b, tallies[b.Key().String()]))
		}
	}
	return out, nil
}

func (s *Server) showContext(c *aofv1.Context) *aofv1.Context {
	c = c.DeepCopy()
	c.Status.InitializeConditions()
	c.Status.MarkConfigurationValid()
	if c.Spec.Kubeconfig == "" {
		c.Status.MarkNoKubeconfig()
		return c
	}
	if err := s.readableFile(c.Spec.Kubeconfig); err != nil {
		_ = c.Status.MarkKubeconfigFailed(aofv1.ReasonKubeconfigInaccessible, err)
	} else {
		c.Status.MarkKubeconfigValid()
	}
	return c
}

// readableFile says why a file that a Context names can't be read, if so.
func (s *Server) readableFile(reference string) error {
	path, err := secretref.Fill(reference, s.environment())
	if err != nil {
		return err
	}
	name, _ := path.(string)
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		name = filepath.Join(s.settings.Getenv("HOME"), rest)
	}
	file, err := os.Open(name)
	if err != nil {
		return errors.New("the file can't be opened") // its path may come from the environment
	}
	return file.Close()
}

func (s *Server) showTrigger(scene *scene, t *aofv1.Trigger) *aofv1.Trigger {
	t = t.DeepCopy()
	key := types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
	t.Status.InitializeConditions()
	switch err := scene.errs[key]; {
	case !t.IsEnabled():
		t.Status.MarkConfigurationValid()
		t.Status.MarkDisabled()
	case err != nil:
		_ = t.Status.MarkConfigurationInvalid("NotServed", err)
	default:
		t.Status.MarkConfigurationValid()
		t.Status.MarkConnected()
		t.Status.MarkChannelsAccessible()
		t.Status.WebhookEndpoint = "/" + key.String()
	}
	events, _ := s.counters.of(key)
	events.Trigger(&t.Status)
	return t
}

func (s *scene) showFlow(f *aofv1.AgentFlow, tally *fold.Tally) *aofv1.AgentFlow {
	f = f.DeepCopy()
	f.Status.InitializeConditions()
	f.Status.MarkValid()
	if err := s.flowErrs[types.NamespacedName{Namespace: f.Namespace, Name: f.Name}]; err != nil {
		_ = f.Status.MarkReferencesReadyFailed(aofv1.ReasonReferenceNotFound, err)
	} else {
		f.Status.MarkReferencesReady()
	}
	if tally != nil {
		tally.Flow(&f.Status)
	}
	return f
}

func (s *Server) showBinding(scene *scene, b *Bound, tally *fold.Tally) *aofv1.FlowBinding {
	out := b.Binding.DeepCopy()
	out.Status.InitializeConditions()
	out.Status.MarkInProcess()
	triggerKey := out.Spec.Trigger.NamespacedName(out.Namespace)
	var missing *plan.MissingError
	switch {
	case !out.IsEnabled():
		out.Status.MarkSuspended()
	case errors.As(b.Err, &missing):
		_ = out.Status.MarkBoundFailed(aofv1.ReasonReferenceNotFound, b.Err)
	case b.Err != nil:
		_ = out.Status.MarkBoundFailed(aofv1.ReasonCannotCompile, b.Err)
	default:
		out.Status.MarkBound()
	}
	if t := scene.world.triggers[triggerKey]; t != nil {
		out.Status.PropagateTrigger(s.showTrigger(scene, t))
	}
	if c := scene.world.contexts[out.Spec.Context.NamespacedName(out.Namespace)]; c != nil {
		out.Status.PropagateContext(s.showContext(c))
	}
	if f := scene.world.flows[out.Spec.Flow.NamespacedName(out.Namespace)]; f != nil {
		out.Status.PropagateFlow(scene.showFlow(f, nil))
	}
	if tally == nil {
		tally = &fold.Tally{}
	}
	events, matched := s.counters.of(triggerKey)
	tally.Binding(&out.Status, events.Received, matched[b.Key().String()], s.settings.Clock.Now())
	out.Status.DuplicateCount = s.counters.duplicates(triggerKey, b.Key().String())
	return out
}

func showAgent(a *aofv1.Agent, tally *fold.Tally) *aofv1.Agent {
	a = a.DeepCopy()
	a.Status.InitializeConditions()
	a.Status.MarkValid()
	a.Status.MarkCredentialsAvailableUnknown(aofv1.ReasonNotYetKnown, "the model is asked when the agent first runs")
	if tally != nil {
		a.Status.MarkCredentialsAvailable()
		tally.Agent(&a.Status)
	}
	return a
}

func showFleet(f *aofv1.AgentFleet) *aofv1.AgentFleet {
	f = f.DeepCopy()
	f.Status.InitializeConditions()
	f.Status.MarkValid()
	f.Status.MarkAgentsReady()
	return f
}

// settleTimes sets what a reading must not change: an object came to be, and its
// conditions took their state, when its file was loaded.
func settleTimes(o runtime.Object, since time.Time) {
	if object, err := meta.Accessor(o); err == nil {
		object.SetCreationTimestamp(metav1.NewTime(since))
	}
	shaped, ok := o.(duckv1.KRShaped)
	if !ok {
		return
	}
	conditions := shaped.GetStatus().Conditions
	for i := range conditions {
		conditions[i].LastTransitionTime = apis.VolatileTime{Inner: metav1.NewTime(since)}
	}
}
