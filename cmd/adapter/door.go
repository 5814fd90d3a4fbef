// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/intake"
	"aof.dev/operator/pkg/kubeapi"
	ledgerkube "aof.dev/operator/pkg/ledger/kube"
	"aof.dev/operator/pkg/once"
	"aof.dev/operator/pkg/once/lease"
	"aof.dev/operator/pkg/source"
	"aof.dev/operator/pkg/source/slack"
	"aof.dev/operator/pkg/source/webhook"
)

const (
	// pathHealth is where the adapter says that it can serve.
	pathHealth = "/healthz"
	// acceptTimeout bounds what comes before an event is durable. With the time
	// that the broker gets (pkg/intake) it stays below the three seconds after
	// which Slack sends again.
	acceptTimeout = 2 * time.Second
	// flushTimeout is how long writing the last counts may take.
	flushTimeout = 5 * time.Second
	// flushEvery is how often counts are written, when there are any.
	flushEvery = 2 * time.Second
)

// process is what a process is made from.
type process struct {
	getenv func(string) string
	clock  clock.WithTicker
	log    *slog.Logger
}

// door serves the requests of platforms.
type door struct {
	*process
	// name is one that no other process has ever had.
	name    string
	api     *kubeapi.Client
	routes  *intake.Routes
	adapter *adapter.Server
	counts  *intake.Counts
}

// door puts the pieces together. It talks to nobody.
func (p *process) door() (*door, error) {
	config, err := kubeapi.ConfigFrom(p.getenv)
	if err != nil {
		return nil, err
	}
	api, err := kubeapi.New(config)
	if err != nil {
		return nil, err
	}
	leases, err := api.Leases()
	if err != nil {
		return nil, err
	}
	name := string(uuid.NewUUID())
	counts := intake.NewCounts(api, name, p.log)
	d := &door{
		process: p, name: name, api: api, counts: counts,
		routes: intake.NewRoutes(p.options(api, lease.New(leases), counts)), adapter: adapter.New(nil, nil, p.clock),
	}
	d.adapter.Timeout = acceptTimeout
	d.adapter.UseRoutes(d.routes)
	return d, nil
}

func (p *process) options(api *kubeapi.Client, keys once.Store, counts *intake.Counts) intake.Options {
	runs := ledgerkube.New(api.AOF().RESTClient())
	return intake.Options{
		Objects:    api,
		Runs:       runs,
		Once:       &once.Maker{Runs: runs, Keys: keys, Clock: p.clock},
		Broker:     intake.HTTPBroker{Client: brokerClient()},
		Counts:     counts,
		Platforms:  source.NewRegistry(slack.Platform(), webhook.Platform()),
		HTTPClient: &http.Client{Timeout: 30 * time.Second},
		BaseURL:    p.baseURL,
		Clock:      p.clock,
		Log:        p.log,
	}
}

// baseURL is the address of a platform's API where it isn't the real one.
func (p *process) baseURL(triggerType string) string {
	if triggerType == slack.Platform().Type {
		return p.getenv("SLACK_API_URL")
	}
	return ""
}

// brokerClient keeps enough connections for a burst, and goes where it was told
// to and nowhere else.
func brokerClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ServeHTTP answers a request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == pathHealth {
		_, _ = w.Write([]byte("ok\n"))
		return
	}
	d.adapter.ServeHTTP(w, r)
}

// serve answers until the context ends or the token does, lets requests under way
// finish, and writes the last counts.
func (d *door) serve(ctx context.Context, listener net.Listener) error {
	stopCounting := d.count(ctx)
	defer stopCounting()
	server := &kubeapi.Server{API: d.api, Handler: d, ReadTimeout: 20 * time.Second, Log: d.log}
	return server.Serve(ctx, listener)
}

// count writes counts from time to time, also after the context has ended; stop
// writes the last ones.
func (d *door) count(ctx context.Context) (stop func()) {
	ctx = context.WithoutCancel(ctx)
	counting, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.counts.Run(counting, d.clock.NewTicker(flushEvery))
	}()
	return func() {
		cancel()
		<-done
		last, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		d.counts.Flush(last)
	}
}
