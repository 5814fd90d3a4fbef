// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/config"
)

func configMap(data map[string]string) *corev1.ConfigMap { return &corev1.ConfigMap{Data: data} }

func TestAnEmptyConfigMapIsTheDefault(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]map[string]string{
		"no data": nil, "no key": {}, "an example": {"_example": "runner-idle: 1s"},
	} {
		got, err := FromConfigMap(configMap(data))
		require.NoError(t, err, name)
		assert.Equal(t, Default(), got, name)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	got, err := FromConfigMap(configMap(map[string]string{
		"broker-name": "main", "broker-class": "Kafka", "runner-concurrency": "1", "runner-timeout": "30m", "runner-idle": "1m",
		"webhook-base-url": "https://hooks.example.com/aof", "successful-runs-history": "7", "failed-runs-history": "0",
		"run-ttl": "24h", "resend-after": "10s", "fold-every": "500ms",
	}))
	require.NoError(t, err)
	assert.Equal(t, &Settings{
		BrokerName: "main", BrokerClass: "Kafka", RunnerConcurrency: 1, RunnerTimeout: 30 * time.Minute, RunnerIdle: time.Minute,
		WebhookBaseURL: "https://hooks.example.com/aof", SuccessfulRuns: 7, FailedRuns: 0,
		RunTTL: 24 * time.Hour, ResendAfter: 10 * time.Second, FoldEvery: 500 * time.Millisecond,
	}, got)
}

func TestARefusalNamesTheKeyAndTheReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data map[string]string
		want []string
	}{
		"an unknown key":             {map[string]string{"runner_idle": "1m"}, []string{"runner_idle: unknown key", "runner-idle"}},
		"no number":                  {map[string]string{"runner-concurrency": "many"}, []string{"runner-concurrency", "many"}},
		"no duration":                {map[string]string{"run-ttl": "a week"}, []string{"run-ttl", "a week"}},
		"too many at once":           {map[string]string{"runner-concurrency": "1001"}, []string{"runner-concurrency: must be 0 (no limit) to 1000"}},
		"fewer than none":            {map[string]string{"runner-concurrency": "-1"}, []string{"runner-concurrency: must be"}},
		"too short a request":        {map[string]string{"runner-timeout": "10ms"}, []string{"runner-timeout: must be 1s to 1h"}},
		"too long a request":         {map[string]string{"runner-timeout": "61m"}, []string{"runner-timeout: must be"}},
		"idle below Knative's least": {map[string]string{"runner-idle": "5s"}, []string{"runner-idle: must be 6s to 1h"}},
		"idle above Knative's most":  {map[string]string{"runner-idle": "2h"}, []string{"runner-idle: must be"}},
		"no broker":                  {map[string]string{"broker-name": ""}, []string{"broker-name: must be"}},
		"a broker that can't be":     {map[string]string{"broker-name": "My Broker"}, []string{"broker-name: must be"}},
		"no class":                   {map[string]string{"broker-class": ""}, []string{"broker-class: must be"}},
		"a negative history":         {map[string]string{"successful-runs-history": "-1"}, []string{"successful-runs-history: must be 0 or more"}},
		"another negative history":   {map[string]string{"failed-runs-history": "-1"}, []string{"failed-runs-history: must be"}},
		"nothing is kept":            {map[string]string{"run-ttl": "0s"}, []string{"run-ttl: must be"}},
		"sent again at once":         {map[string]string{"resend-after": "0s"}, []string{"resend-after: must be 1s or more"}},
		"counted at every moment":    {map[string]string{"fold-every": "1ms"}, []string{"fold-every: must be"}},
		"counted too rarely":         {map[string]string{"fold-every": "2m"}, []string{"fold-every: must be 100ms to 1m"}},
		"no URL":                     {map[string]string{"webhook-base-url": "hooks.example.com"}, []string{"webhook-base-url: must be an http or https URL"}},
		"another scheme":             {map[string]string{"webhook-base-url": "ftp://hooks.example.com"}, []string{"webhook-base-url: must be"}},
		"a URL with a password":      {map[string]string{"webhook-base-url": "https://u:p@hooks.example.com"}, []string{"webhook-base-url: must be"}},
		"a URL with a query":         {map[string]string{"webhook-base-url": "https://hooks.example.com/?a=b"}, []string{"webhook-base-url: must be"}},
		"all at once": {
			map[string]string{"runner-idle": "1s", "fold-every": "1h", "x": "y"},
			[]string{"runner-idle: must be", "fold-every: must be", "x: unknown key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := FromConfigMap(configMap(c.data))
			require.Error(t, err)
			assert.Nil(t, got)
			for _, part := range c.want {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

func TestTheInstalledExampleTellsEveryDefault(t *testing.T) {
	t.Parallel()
	raw, err := config.Core.ReadFile("core/400-config-aof.yaml")
	require.NoError(t, err)
	var installed corev1.ConfigMap
	require.NoError(t, yaml.UnmarshalStrict(raw, &installed))
	got, err := FromConfigMap(&installed)
	require.NoError(t, err)
	assert.Equal(t, Default(), got, "nothing but the example is set")

	var example map[string]string
	require.NoError(t, yaml.UnmarshalStrict([]byte(installed.Data[configmap.ExampleKey]), &example))
	shown, err := FromConfigMap(configMap(example))
	require.NoError(t, err)
	assert.Equal(t, Default(), shown)
	for _, key := range keys {
		assert.Contains(t, example, key)
	}
	assert.Len(t, example, len(keys), strings.Join(keys, " "))
}
