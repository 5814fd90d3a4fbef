// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	// slackNamespace is where the suite's Slack is. It stays, as the operator does.
	slackNamespace = "e2e-slack"
	// slackAPI is its address; the operator is installed with it.
	slackAPI = "http://slack." + slackNamespace + ".svc.cluster.local/api/"
	// slackToken is the bot's, appToken that of Socket Mode, slackSecret signs.
	slackToken, appToken, slackSecret = "xoxb-e2e", "xapp-fake-token", "e2e-signing-secret"
)

const slackManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: slack}
spec:
  selector: {matchLabels: {app: slack}}
  template:
    metadata: {labels: {app: slack}}
    spec:
      terminationGracePeriodSeconds: 1
      automountServiceAccountToken: false
      containers:
      - name: slack
        image: IMAGE
        env: [{name: SLACK_TOKEN, value: BOTS}]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /messages, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: slack}
spec: {selector: {app: slack}, ports: [{name: http, port: 80, targetPort: 8080}]}`

// slack is a Slack in the cluster, one for the suite; tests have channels of their own in it.
type slack struct {
	e       *env
	channel string
}

// slackMessage is one that was posted.
type slackMessage struct {
	Channel, Thread, Text, TS string
	Blocks                    []any
	Edits                     int
}

var slackStarts sync.Mutex

// startSlack gives the test a channel of its own, and its namespace the credentials of the workspace.
func (e *env) startSlack() slack {
	e.t.Helper()
	channel := "C" + rand.Text()
	slackStarts.Lock()
	defer slackStarts.Unlock()
	there := e.in(slackNamespace)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: slackNamespace}}
	_, err := e.kube.CoreV1().Namespaces().Create(e.t.Context(), ns, metav1.CreateOptions{})
	if !errors.IsAlreadyExists(err) {
		require.NoError(e.t, err)
	}
	image := e.imageIn(top, "./test/fake/slack/serve")
	there.applyReady(strings.NewReplacer("IMAGE", image, "BOTS", slackToken).Replace(slackManifest))
	s := slack{e, channel}
	e.until("Slack answers", func(ctx context.Context) (bool, error) {
		_, _, err := s.call(ctx, http.MethodGet, "messages")
		return err == nil, nil
	})
	e.kubectl("create", "secret", "generic", "aof-credentials", "--from-literal=SLACK_BOT_TOKEN="+slackToken, "--from-literal=SLACK_APP_TOKEN="+appToken,
		"--from-literal=SLACK_SIGNING_SECRET="+slackSecret, "--from-literal=SLACK_API_URL="+slackAPI)
	return s
}

// on is the same Slack for another test.
func (s slack) on(e *env) slack { return slack{e, s.channel} }

// call asks the Slack itself; params are names and values.
func (s slack) call(ctx context.Context, method, path string, params ...string) (int, []byte, error) {
	r := s.e.kube.CoreV1().RESTClient().Verb(method).Namespace(slackNamespace).Resource("services").Name("http:slack:80").
		SubResource("proxy").Suffix(path).Param("channel", s.channel)
	for i := 0; i < len(params); i += 2 {
		r.Param(params[i], params[i+1])
	}
	code := 0
	result := r.Do(ctx).StatusCode(&code)
	body, err := result.Raw()
	return code, body, err
}

// does has somebody do something in Slack, of which it tells a Trigger's endpoint.
func (s slack) does(what, endpoint string, params ...string) error {
	params = append(params, "url", endpoint, "via", gateway(), "secret", slackSecret)
	code, body, err := s.call(s.e.t.Context(), http.MethodPost, what, params...)
	if err != nil {
		return fmt.Errorf("%s: %d: %w: %.200s", what, code, err, body)
	}
	return nil
}

// messages are those of the channel, oldest first.
func (s slack) messages() []slackMessage {
	_, body, err := s.call(s.e.t.Context(), http.MethodGet, "messages")
	if err != nil {
		return nil
	}
	var list []slackMessage
	require.NoError(s.e.t, json.Unmarshal(body, &list))
	return list
}

// message is one of the channel, as it is now.
func (s slack) message(ts string) slackMessage {
	for _, m := range s.messages() {
		if m.TS == ts {
			return m
		}
	}
	return slackMessage{}
}

// untilMessages waits until that many messages are in the channel.
func (s slack) untilMessages(n int) []slackMessage {
	s.e.t.Helper()
	var list []slackMessage
	s.e.until(fmt.Sprintf("%d messages are in Slack", n), func(context.Context) (bool, error) {
		list = s.messages()
		return len(list) >= n, nil
	})
	return list
}

// withSlack is a manifest with the one change that the suite makes to what it installs: adapter and stream find
// Slack's API in the cluster. (Runners are told by their namespace's credentials.)
func withSlack(manifest string) (string, error) {
	docs := strings.Split(manifest, "\n---\n")
	for i, doc := range docs {
		if !strings.Contains(doc, "name: AOF_API_TOKEN") {
			continue
		}
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return "", err
		}
		pod := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		container := pod["containers"].([]any)[0].(map[string]any)
		container["env"] = append(container["env"].([]any), map[string]any{"name": "SLACK_API_URL", "value": slackAPI})
		raw, err := yaml.Marshal(o)
		if err != nil {
			return "", err
		}
		docs[i] = string(raw)
	}
	return strings.Join(docs, "\n---\n"), nil
}
