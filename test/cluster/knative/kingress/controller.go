// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"knative.dev/networking/pkg/apis/networking"
	"knative.dev/networking/pkg/apis/networking/v1alpha1"
	"knative.dev/networking/pkg/client/clientset/versioned"
	listers "knative.dev/networking/pkg/client/listers/networking/v1alpha1"
	"knative.dev/pkg/network"
)

// class is the value for config-network's ingress-class.
const class = "kingress.ingress.networking.knative.dev"

const retryDelay = 500 * time.Millisecond

// The two Services of deploy.yaml, by which pods reach the listeners.
var publicHost, privateHost = network.GetServiceHostname("kingress", "kingress-system"),
	network.GetServiceHostname("kingress-internal", "kingress-system")

type (
	handler      = cache.ResourceEventHandler
	registration = cache.ResourceEventHandlerRegistration
)

// controller builds the table anew whenever something changed, then says so in the ingresses' status.
type controller struct {
	kube       kubernetes.Interface
	networking versioned.Interface
	ingresses  listers.IngressLister
	services   corelisters.ServiceLister
	slices     discoverylisters.EndpointSliceLister
	table      atomic.Pointer[table]
	kick       chan struct{}
}

func (c *controller) handler() handler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.poke() },
		UpdateFunc: func(_, _ any) { c.poke() },
		DeleteFunc: func(any) { c.poke() },
	}
}

// poke asks for one more round; rounds that were asked for but not begun are one.
func (c *controller) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *controller) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		}
		if err := c.round(ctx); err != nil {
			log.Print(err)
			time.AfterFunc(retryDelay, c.poke)
		}
	}
}

func (c *controller) round(ctx context.Context) error {
	all, err := c.ingresses.List(labels.Everything())
	if err != nil {
		return err
	}
	next := &table{certificates: map[string]*tls.Certificate{}}
	var failed error
	var ours []*v1alpha1.Ingress
	for _, ing := range all {
		if ing.Annotations[networking.IngressClassAnnotationKey] != class || ing.DeletionTimestamp != nil {
			continue
		}
		if err := c.enter(ctx, next, ing); err != nil {
			failed = fmt.Errorf("ingress %s/%s: %w", ing.Namespace, ing.Name, err)
			continue
		}
		ours = append(ours, ing)
	}
	next.sort()
	c.table.Store(next)
	for _, ing := range ours {
		if err := c.markReady(ctx, ing); err != nil {
			failed = fmt.Errorf("status of ingress %s/%s: %w", ing.Namespace, ing.Name, err)
		}
	}
	return failed
}

// enter puts one ingress into the table, with its certificates.
func (c *controller) enter(ctx context.Context, t *table, ing *v1alpha1.Ingress) error {
	for _, s := range ing.Spec.TLS {
		secret, err := c.kube.CoreV1().Secrets(s.SecretNamespace).Get(ctx, s.SecretName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			return err
		}
		for _, host := range s.Hosts {
			t.certificates[host] = &pair
		}
	}
	return t.add(ing, c.resolve)
}

// resolve finds where a split goes: to the pods behind its Service, as Envoy does that is told of endpoints. What is
// kept alive to a Service's address would stay with the activator after a revision's pods have taken over from it.
func (c *controller) resolve(b v1alpha1.IngressBackend) (addresses []string, h2c bool) {
	host, port := network.GetServiceHostname(b.ServiceName, b.ServiceNamespace), b.ServicePort.IntVal
	svc, err := c.services.Services(b.ServiceNamespace).Get(b.ServiceName)
	if err != nil {
		return []string{hostPort(host, port)}, false // comes with the next round
	}
	portName := ""
	for _, p := range svc.Spec.Ports {
		if b.ServicePort.Type == intstr.String && p.Name == b.ServicePort.StrVal || b.ServicePort.IntVal == p.Port {
			port, portName = p.Port, p.Name
		}
	}
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		// Its port is called http2 whatever is behind it: not a reason for HTTP/2.
		return []string{hostPort(svc.Spec.ExternalName, port)}, false
	}
	h2c = strings.HasPrefix(portName, "http2") || strings.HasPrefix(portName, "h2c") || strings.HasPrefix(portName, "grpc")
	if ready := c.ready(svc, portName); len(ready) > 0 {
		return ready, h2c
	}
	if svc.Spec.ClusterIP != "" && svc.Spec.ClusterIP != corev1.ClusterIPNone {
		host = svc.Spec.ClusterIP // without asking the DNS
	}
	return []string{hostPort(host, port)}, h2c
}

// ready returns the addresses of the pods that are ready to serve a port of a Service.
func (c *controller) ready(svc *corev1.Service, portName string) []string {
	all, err := c.slices.EndpointSlices(svc.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: svc.Name}))
	if err != nil {
		return nil
	}
	var ready []string
	for _, slice := range all {
		for _, p := range slice.Ports {
			if p.Name == nil || *p.Name != portName || p.Port == nil {
				continue
			}
			for _, e := range slice.Endpoints {
				if (e.Conditions.Ready == nil || *e.Conditions.Ready) && len(e.Addresses) > 0 {
					ready = append(ready, hostPort(e.Addresses[0], *p.Port))
				}
			}
		}
	}
	return ready
}

func hostPort(host string, port int32) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }

func (c *controller) markReady(ctx context.Context, ing *v1alpha1.Ingress) error {
	if ing.Status.ObservedGeneration == ing.Generation && ing.IsReady() {
		return nil
	}
	ing = ing.DeepCopy()
	ing.Status.InitializeConditions()
	ing.Status.MarkNetworkConfigured()
	ing.Status.MarkLoadBalancerReady(
		[]v1alpha1.LoadBalancerIngressStatus{{DomainInternal: publicHost}},
		[]v1alpha1.LoadBalancerIngressStatus{{DomainInternal: privateHost}})
	ing.Status.ObservedGeneration = ing.Generation
	_, err := c.networking.NetworkingV1alpha1().Ingresses(ing.Namespace).UpdateStatus(ctx, ing, metav1.UpdateOptions{})
	return err
}

// tlsConfig answers with the certificate of the host that is asked for.
func (c *controller) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if cert := c.table.Load().certificates[h.ServerName]; cert != nil {
			return cert, nil
		}
		return nil, fmt.Errorf("no certificate for %q", h.ServerName)
	}}
}
