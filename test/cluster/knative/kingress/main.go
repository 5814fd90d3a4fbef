// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kingress is a small data plane for Knative Serving: it watches KIngress objects of one class, forwards
// HTTP/1, HTTP/2 and gRPC to their splits, and marks them ready. It is equipment for tests on clusters where no Envoy
// can be had, and is held to knative.dev/networking/test/conformance/ingress.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"knative.dev/networking/pkg/client/clientset/versioned"
	"knative.dev/networking/pkg/client/informers/externalversions"
	"knative.dev/pkg/signals"
)

const resync = 10 * time.Minute

func main() {
	public := flag.String("public", ":8080", "listen address for external hosts")
	private := flag.String("private", ":8081", "listen address for cluster-local hosts")
	health := flag.String("health", ":8082", "listen address of /readyz")
	secure := flag.String("tls", ":8443", "listen address for external hosts with TLS")
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig (in-cluster when empty)")
	flag.Parse()
	if err := run(signals.NewContext(), *kubeconfig, listeners{*public, *private, *secure, *health}); err != nil {
		log.Fatal(err)
	}
}

type listeners struct{ public, private, secure, health string }

func run(ctx context.Context, kubeconfig string, l listeners) error {
	var cfg *rest.Config
	var err error
	if kubeconfig != "" {
		cfg, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	} else {
		cfg, err = rest.InClusterConfig()
	}
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst = 100, 200
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	networking, err := versioned.NewForConfig(cfg)
	if err != nil {
		return err
	}
	core := informers.NewSharedInformerFactory(kube, resync)
	net := externalversions.NewSharedInformerFactory(networking, resync)
	c := &controller{
		kube: kube, networking: networking, kick: make(chan struct{}, 1),
		ingresses: net.Networking().V1alpha1().Ingresses().Lister(),
		services:  core.Core().V1().Services().Lister(),
		slices:    core.Discovery().V1().EndpointSlices().Lister(),
	}
	c.table.Store(&table{})
	for _, informer := range []interface {
		AddEventHandler(h handler) (registration, error)
	}{core.Core().V1().Services().Informer(), core.Discovery().V1().EndpointSlices().Informer(), net.Networking().V1alpha1().Ingresses().Informer()} {
		if _, err := informer.AddEventHandler(c.handler()); err != nil {
			return err
		}
	}
	core.Start(ctx.Done())
	net.Start(ctx.Done())
	core.WaitForCacheSync(ctx.Done())
	net.WaitForCacheSync(ctx.Done())
	go c.run(ctx)
	return serve(ctx, c, l)
}

// serve runs the listeners until one ends.
func serve(ctx context.Context, c *controller, l listeners) error {
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	both.SetUnencryptedHTTP2(true)
	health := http.NewServeMux()
	health.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	ended := make(chan error, 4)
	for _, s := range []*http.Server{
		{Addr: l.public, Handler: newProxy(&c.table, public), Protocols: both},
		{Addr: l.private, Handler: newProxy(&c.table, private), Protocols: both},
		{Addr: l.secure, Handler: newProxy(&c.table, secure), Protocols: both, TLSConfig: c.tlsConfig()},
		{Addr: l.health, Handler: health},
	} {
		go func() {
			listen := s.ListenAndServe
			if s.TLSConfig != nil {
				listen = func() error { return s.ListenAndServeTLS("", "") }
			}
			ended <- fmt.Errorf("listening on %s: %w", s.Addr, listen())
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return errors.Join(err, ctx.Err())
	}
}
