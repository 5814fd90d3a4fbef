// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package knative

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"aof.dev/operator/test/cluster/internal/node"
	"aof.dev/operator/test/cluster/internal/place"
	"aof.dev/operator/test/cluster/internal/progress"
)

const (
	availableTimeout = 4 * time.Minute
	admitTimeout     = time.Minute
	retryInterval    = 300 * time.Millisecond
)

var namespaces = []string{"knative-eventing", "knative-serving", "kingress-system"}

// admitted are objects that Knative's webhooks must let through before the cluster is called ready.
const admitted = `---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: admitted, namespace: default}
spec: {template: {spec: {containers: [{image: example.com/none}]}}}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: admitted, namespace: default}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: admitted, namespace: default}
spec: {broker: admitted, subscriber: {uri: "http://example.com"}}
`

// Install applies the release, whose images the registry has, and waits until all of it is ready.
func (r *Release) Install(ctx context.Context, p place.Place, out *progress.Printer) error {
	b, err := os.ReadFile(r.resolved(p))
	if err != nil {
		return err
	}
	k := kubectl{ctx, p}
	steps := phases(split(string(b)))
	for _, step := range []struct {
		done string
		do   func() error
	}{
		{"kinds applied", func() error { return k.apply(join(steps[0])) }},
		{"kinds established", func() error { return k.run("", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s") }},
		{"objects applied", func() error { return k.apply(join(steps[1])) }},
		{"deployments available", k.awaitDeployments},
		{"webhooks applied", func() error { return k.apply(join(steps[2])) }},
		{"webhooks answering", func() error { return retry(ctx, admitTimeout, k.admit) }},
	} {
		if err := out.Step(step.done, step.do); err != nil {
			return err
		}
	}
	return nil
}

func retry(ctx context.Context, limit time.Duration, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("given up after %s: %w", limit, err)
		case <-time.After(retryInterval):
		}
	}
}

// kubectl runs kubectl inside the node.
type kubectl struct {
	ctx context.Context //nolint:containedctx // lives as long as one installation
	p   place.Place
}

func (k kubectl) run(stdin string, args ...string) error {
	_, err := k.output(stdin, args...)
	return err
}

func (k kubectl) output(stdin string, args ...string) (string, error) {
	cmd, err := node.Command(k.ctx, k.p, "/", append([]string{"kubectl"}, args...)...)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(out.String())
		return "", fmt.Errorf("kubectl %s: %w\n%s", args[0], err, text[max(0, len(text)-2000):])
	}
	return out.String(), nil
}

// defaulted is what only the webhooks put into the objects: until they say which kinds they want to see, the API server
// lets everything through unseen.
var defaulted = []string{"serving.knative.dev/creator", "eventing.knative.dev/broker.class", "eventing.knative.dev/broker: admitted"}

// admit asks the API server, and so the webhooks, what Knative's objects would be like.
func (k kubectl) admit() error {
	out, err := k.output(admitted, "create", "--dry-run=server", "-o", "yaml", "-f", "-")
	if err != nil {
		return err
	}
	for _, want := range defaulted {
		if !strings.Contains(out, want) {
			return fmt.Errorf("the webhook that sets %q does not answer yet", want)
		}
	}
	return nil
}

func (k kubectl) apply(manifest string) error {
	return k.run(manifest, "apply", "--server-side", "--force-conflicts", "-f", "-")
}

func (k kubectl) awaitDeployments() error {
	for _, ns := range namespaces {
		err := k.run("", "-n", ns, "wait", "--for=condition=Available", "deployment", "--all", "--timeout="+availableTimeout.String())
		if err != nil {
			return fmt.Errorf("%w\nlook with: make kubectl ARGS='get pods -A' and ARGS='-n %s describe pods'", err, ns)
		}
	}
	return nil
}
