// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	fakekube "k8s.io/client-go/kubernetes/fake"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	fakeeventing "knative.dev/eventing/pkg/client/clientset/versioned/fake"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	sourceslisters "knative.dev/eventing/pkg/client/listers/sources/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	fakeaof "aof.dev/operator/pkg/client/clientset/versioned/fake"
	aoflisters "aof.dev/operator/pkg/client/listers/aof/v1"
)

// KnativeService is the kind of a Knative Service, which is unstructured here as
// in the reconcilers.
var KnativeService = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}

// Listers gives listers over the objects of a test.
type Listers struct {
	sorter rtesting.ObjectSorter
}

// NewListers sorts objects. It panics over a kind that NewScheme does not know.
func NewListers(objects []runtime.Object) *Listers {
	l := &Listers{sorter: rtesting.NewObjectSorter(allScheme())}
	l.sorter.AddObjects(objects...)
	return l
}

// NewScheme knows our kinds, Kubernetes', Knative eventing's, and the Knative
// Service as unstructured.
func NewScheme() *runtime.Scheme {
	return schemeOf(fakekube.AddToScheme, fakeaof.AddToScheme, fakeeventing.AddToScheme, addUnstructured)
}

// Schemes take long to make, and a world needs four. Nobody adds to these.
var (
	allScheme      = sync.OnceValue(NewScheme)
	aofScheme      = sync.OnceValue(func() *runtime.Scheme { return schemeOf(fakeaof.AddToScheme) })
	kubeScheme     = sync.OnceValue(func() *runtime.Scheme { return schemeOf(fakekube.AddToScheme) })
	eventingScheme = sync.OnceValue(func() *runtime.Scheme { return schemeOf(fakeeventing.AddToScheme) })
)

func schemeOf(adds ...func(*runtime.Scheme) error) *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range adds {
		utilruntime.Must(add(s))
	}
	return s
}

func addUnstructured(s *runtime.Scheme) error {
	s.AddKnownTypeWithName(KnativeService, &unstructured.Unstructured{})
	s.AddKnownTypeWithName(KnativeService.GroupVersion().WithKind(KnativeService.Kind+"List"), &unstructured.UnstructuredList{})
	return nil
}

// IndexerFor is the indexer over all objects of obj's type. Add further indexes
// with AddIndexers before objects are looked up by them.
func (l *Listers) IndexerFor(obj runtime.Object) cache.Indexer {
	return l.sorter.IndexerForObjectType(obj)
}

// AOFObjects are the objects of our own kinds.
func (l *Listers) AOFObjects() []runtime.Object {
	return l.sorter.ObjectsForScheme(aofScheme())
}

// KubeObjects are the objects of Kubernetes' kinds.
func (l *Listers) KubeObjects() []runtime.Object {
	return l.sorter.ObjectsForScheme(kubeScheme())
}

// EventingObjects are the objects of Knative eventing's kinds.
func (l *Listers) EventingObjects() []runtime.Object {
	return l.sorter.ObjectsForScheme(eventingScheme())
}

// UnstructuredObjects are the Knative Services.
func (l *Listers) UnstructuredObjects() []runtime.Object {
	var out []runtime.Object
	for _, obj := range l.IndexerFor(&unstructured.Unstructured{}).List() {
		out = append(out, obj.(runtime.Object))
	}
	return out
}

// Contexts lists Contexts.
func (l *Listers) Contexts() aoflisters.ContextLister {
	return aoflisters.NewContextLister(l.IndexerFor(&aofv1.Context{}))
}

// Triggers lists AOF Triggers.
func (l *Listers) Triggers() aoflisters.TriggerLister {
	return aoflisters.NewTriggerLister(l.IndexerFor(&aofv1.Trigger{}))
}

// FlowBindings lists FlowBindings.
func (l *Listers) FlowBindings() aoflisters.FlowBindingLister {
	return aoflisters.NewFlowBindingLister(l.IndexerFor(&aofv1.FlowBinding{}))
}

// Agents lists Agents.
func (l *Listers) Agents() aoflisters.AgentLister {
	return aoflisters.NewAgentLister(l.IndexerFor(&aofv1.Agent{}))
}

// AgentFleets lists AgentFleets.
func (l *Listers) AgentFleets() aoflisters.AgentFleetLister {
	return aoflisters.NewAgentFleetLister(l.IndexerFor(&aofv1.AgentFleet{}))
}

// AgentFlows lists AgentFlows.
func (l *Listers) AgentFlows() aoflisters.AgentFlowLister {
	return aoflisters.NewAgentFlowLister(l.IndexerFor(&aofv1.AgentFlow{}))
}

// FlowRuns lists FlowRuns.
func (l *Listers) FlowRuns() aoflisters.FlowRunLister {
	return aoflisters.NewFlowRunLister(l.IndexerFor(&aofv1.FlowRun{}))
}

// ConfigMaps lists ConfigMaps.
func (l *Listers) ConfigMaps() corelisters.ConfigMapLister {
	return corelisters.NewConfigMapLister(l.IndexerFor(&corev1.ConfigMap{}))
}

// Secrets lists Secrets.
func (l *Listers) Secrets() corelisters.SecretLister {
	return corelisters.NewSecretLister(l.IndexerFor(&corev1.Secret{}))
}

// ServiceAccounts lists ServiceAccounts.
func (l *Listers) ServiceAccounts() corelisters.ServiceAccountLister {
	return corelisters.NewServiceAccountLister(l.IndexerFor(&corev1.ServiceAccount{}))
}

// Roles lists Roles.
func (l *Listers) Roles() rbaclisters.RoleLister {
	return rbaclisters.NewRoleLister(l.IndexerFor(&rbacv1.Role{}))
}

// RoleBindings lists RoleBindings.
func (l *Listers) RoleBindings() rbaclisters.RoleBindingLister {
	return rbaclisters.NewRoleBindingLister(l.IndexerFor(&rbacv1.RoleBinding{}))
}

// Deployments lists Deployments.
func (l *Listers) Deployments() appslisters.DeploymentLister {
	return appslisters.NewDeploymentLister(l.IndexerFor(&appsv1.Deployment{}))
}

// Brokers lists Brokers.
func (l *Listers) Brokers() eventinglisters.BrokerLister {
	return eventinglisters.NewBrokerLister(l.IndexerFor(&eventingv1.Broker{}))
}

// KnativeTriggers lists Knative Triggers.
func (l *Listers) KnativeTriggers() eventinglisters.TriggerLister {
	return eventinglisters.NewTriggerLister(l.IndexerFor(&eventingv1.Trigger{}))
}

// PingSources lists PingSources.
func (l *Listers) PingSources() sourceslisters.PingSourceLister {
	return sourceslisters.NewPingSourceLister(l.IndexerFor(&sourcesv1.PingSource{}))
}

// Unstructured lists what is unstructured: the Knative Services.
func (l *Listers) Unstructured() cache.GenericLister {
	return cache.NewGenericLister(l.IndexerFor(&unstructured.Unstructured{}), KnativeService.GroupVersion().WithResource("services").GroupResource())
}
