// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/match"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/plan"
	"aof.dev/operator/pkg/runner"
)

// maxPlans is how many plans are kept in memory. Beyond it any of them is
// forgotten, and read again when it is needed.
const maxPlans = 256

// ConfigMaps reads ConfigMaps by name; *kubeapi.Client is one.
type ConfigMaps interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
}

// Plans reads compiled plans, each once: a plan never changes.
type Plans struct {
	read ConfigMaps

	mu   sync.Mutex
	kept map[key]*found
}

var _ runner.Plans = (*Plans)(nil)

type key struct{ namespace, name string }

// found is a plan with its rule compiled.
type found struct {
	plan  *plan.Plan
	rules *match.Set
}

// NewPlans makes Plans that read nothing yet.
func NewPlans(read ConfigMaps) *Plans { return &Plans{read: read, kept: map[key]*found{}} }

// Plan implements runner.Plans.
func (p *Plans) Plan(ctx context.Context, namespace, name string) (*plan.Plan, error) {
	f, err := p.find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return f.plan, nil
}

// find gives a plan; the error wraps ledger.ErrNotFound when there is none of
// that name. Two that ask at once may both read it, which does no harm.
func (p *Plans) find(ctx context.Context, namespace, name string) (*found, error) {
	k := key{namespace, name}
	p.mu.Lock()
	f := p.kept[k]
	p.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f, err := p.load(ctx, k)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for other := range p.kept {
		if len(p.kept) < maxPlans {
			break
		}
		delete(p.kept, other)
	}
	p.kept[k] = f
	return f, nil
}

func (p *Plans) load(ctx context.Context, k key) (*found, error) {
	object, err := p.read.ConfigMap(ctx, k.namespace, k.name)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("plan %s: %w", k.name, ledger.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", k.name, err)
	}
	// What is no plan will not become one.
	raw, ok := object.Data[names.KeyPlan]
	if !ok || object.Labels[names.LabelKind] != names.KindPlan {
		return nil, fmt.Errorf("ConfigMap %s holds no plan: %w", k.name, ledger.ErrNotFound)
	}
	decoded, err := plan.Decode([]byte(raw))
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w: %w", k.name, ledger.ErrNotFound, err)
	}
	f := &found{plan: decoded}
	var rules []match.Rule
	if decoded.Rule != nil {
		rules = append(rules, *decoded.Rule)
	}
	if f.rules, err = match.Compile(rules); err != nil {
		return nil, fmt.Errorf("plan %s: %w: %w", k.name, ledger.ErrNotFound, err)
	}
	return f, nil
}

// isFor says whether the plan is the named binding's and the event came through
// its trigger. Brokers whose filters are coarse deliver more than that.
func (f *found) isFor(namespace string, d delivery) bool {
	if f.plan.Namespace != namespace || f.plan.Binding != d.binding || f.plan.Trigger == nil {
		return false
	}
	trigger, _ := d.event.Extensions()[event.ExtensionTrigger].(string)
	return trigger == f.plan.Trigger.Name
}
