// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

const probeManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: probe}
spec:
  selector: {matchLabels: {app: probe}}
  template:
    metadata: {labels: {app: probe}}
    spec:
      terminationGracePeriodSeconds: 1
      automountServiceAccountToken: false
      containers:
      - name: probe
        image: IMAGE
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /events, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: probe}
spec: {selector: {app: probe}, ports: [{name: http, port: 80, targetPort: 8080}]}`

// event is one that the probe received.
type event struct {
	ID, Type, Source, Data string
	At                     time.Time
}

// probe is a pod in the test's namespace that receives events and sends requests. It is reached through the API
// server, so that tests run on any cluster, from anywhere.
type probe struct{ e *env }

func (e *env) startProbe() probe {
	e.t.Helper()
	e.applyReady(strings.ReplaceAll(probeManifest, "IMAGE", e.image("./images/probe")))
	p := probe{e}
	e.until("the probe answers", func(ctx context.Context) (bool, error) {
		return p.request(e.kube.CoreV1().RESTClient().Get(), "events").Do(ctx).Error() == nil, nil
	})
	return p
}

func (p probe) request(r *rest.Request, path string) *rest.Request {
	return r.Namespace(p.e.namespace).Resource("services").Name("http:probe:80").SubResource("proxy").Suffix(path)
}

// get asks the probe and returns what it says.
func (p probe) get(path string, params ...string) string {
	p.e.t.Helper()
	r := p.request(p.e.kube.CoreV1().RESTClient().Get(), path)
	for i := 0; i < len(params); i += 2 {
		r.Param(params[i], params[i+1])
	}
	body, err := r.DoRaw(p.e.t.Context())
	require.NoError(p.e.t, err)
	return string(body)
}

// fetch makes the probe call a URL inside the cluster.
func (p probe) fetch(url string) (string, error) {
	body, err := p.request(p.e.kube.CoreV1().RESTClient().Post(), "send").Param("url", url).DoRaw(p.e.t.Context())
	return string(body), err
}

// send makes the probe send an event to a URL inside the cluster.
func (p probe) send(url, id, kind string) error {
	return p.post("send", id, kind).Param("url", url).Do(p.e.t.Context()).Error()
}

func (p probe) post(path, id, kind string) *rest.Request {
	return p.request(p.e.kube.CoreV1().RESTClient().Post(), path).
		SetHeader("Ce-Id", id).SetHeader("Ce-Type", kind).SetHeader("Ce-Source", "/e2e").SetHeader("Ce-Specversion", "1.0").
		SetHeader("Content-Type", "application/json").Body([]byte(`{"sent":true}`))
}

// events are those that the probe received, by id.
func (p probe) events() map[string]event {
	p.e.t.Helper()
	var list []event
	require.NoError(p.e.t, json.Unmarshal([]byte(p.get("events")), &list))
	byID := map[string]event{}
	for _, ev := range list {
		byID[ev.ID] = ev
	}
	return byID
}

// awaitEvent waits until the probe has received the event of an id.
func (p probe) awaitEvent(id string) event {
	p.e.t.Helper()
	var got event
	p.e.until("the event "+id+" arrives", func(context.Context) (bool, error) {
		var ok bool
		got, ok = p.events()[id]
		return ok, nil
	})
	return got
}
