// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"

	"aof.dev/operator/test/apiserver"
)

// fakeKnative says of every Broker, Knative Trigger and Knative Service that it
// is ready, as soon as it comes.
func fakeKnative(b *testing.B, s *apiserver.Server) {
	b.Helper()
	client, err := dynamic.NewForConfig(s.Config)
	require.NoError(b, err)
	type object struct {
		resource schema.GroupVersionResource
		*unstructured.Unstructured
	}
	waiting := make(chan object, 1000)
	for range 8 {
		go func() {
			for {
				select {
				case o := <-waiting:
					patch := fmt.Sprintf(`{"status":{"observedGeneration":%d,"url":"http://127.0.0.1:1","address":{"url":"http://127.0.0.1:1/"},"conditions":[{"type":"Ready","status":"True"}]}}`, o.GetGeneration())
					_, _ = client.Resource(o.resource).Namespace(o.GetNamespace()).Patch(b.Context(), o.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
				case <-b.Context().Done():
					return
				}
			}
		}()
	}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	for _, resource := range []schema.GroupVersionResource{
		{Group: eventing, Version: "v1", Resource: "brokers"}, {Group: eventing, Version: "v1", Resource: "triggers"}, {Group: serving, Version: "v1", Resource: "services"},
	} {
		_, err := factory.ForResource(resource).Informer().AddEventHandler(onEach(func(o *unstructured.Unstructured) {
			if observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); observed != o.GetGeneration() {
				waiting <- object{resource, o}
			}
		}))
		require.NoError(b, err)
	}
	factory.Start(b.Context().Done())
}

// auditTail counts the controller's requests as they come to the log.
type auditTail struct {
	file *os.File
	rest []byte
	seen int
}

func newAuditTail(b *testing.B, s *apiserver.Server) *auditTail {
	b.Helper()
	file, err := os.Open(s.AuditLog())
	require.NoError(b, err)
	b.Cleanup(func() { _ = file.Close() })
	return &auditTail{file: file}
}

var (
	byController = []byte(`"username":"` + controller + `"`)
	aWatch       = []byte(`"verb":"watch"`)
	aLease       = []byte(`"resource":"leases"`)
)

// count is how many requests there were, but for watches and leases.
func (a *auditTail) count(b *testing.B) int {
	b.Helper()
	buffer := make([]byte, 1<<20)
	for {
		n, _ := a.file.Read(buffer)
		if n == 0 {
			return a.seen
		}
		lines := slices.Concat(a.rest, buffer[:n])
		for {
			line, rest, whole := bytes.Cut(lines, []byte("\n"))
			if !whole {
				break
			}
			if bytes.Contains(line, byController) && !bytes.Contains(line, aWatch) && !bytes.Contains(line, aLease) {
				a.seen++
			}
			lines = rest
		}
		a.rest = bytes.Clone(lines)
	}
}

// settle waits until the controller has asked for nothing for a while.
func (a *auditTail) settle(b *testing.B) {
	b.Helper()
	const quiet = 3 * time.Second
	last, since, end := a.count(b), time.Now(), time.Now().Add(scalePatience)
	for time.Since(since) < quiet {
		if time.Now().After(end) {
			b.Fatal("the controller does not come to rest")
		}
		time.Sleep(100 * time.Millisecond)
		if n := a.count(b); n != last {
			last, since = n, time.Now()
		}
	}
}

// cpu is how much of the processor the program has used, as Linux says.
func (p *program) cpu(b *testing.B) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(b, err)
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	kernel, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	const tick = 10 * time.Millisecond
	return time.Duration(user+kernel) * tick
}

// memory is what the program holds, and its share of it, in MiB.
func (p *program) memory(b *testing.B) (rss, pss float64) {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "Rss:":
			rss = kib / 1024
		case "Pss:":
			pss = kib / 1024
		}
	}
	return rss, pss
}
