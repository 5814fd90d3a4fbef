// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package settings reads the ConfigMap config-aof: what the people who run the
// operator can change while it runs. It has no I/O; the controller follows the
// ConfigMap, the admission webhook refuses one that does not parse.
package settings

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	cm "knative.dev/pkg/configmap/parser"
)

// Settings are the operator's settings. Every key that is left out has the value
// that Default gives.
type Settings struct {
	// BrokerName is the Broker of a namespace that events go through
	// (broker-name), BrokerClass the class of one we make (broker-class).
	BrokerName, BrokerClass string
	// RunnerConcurrency is how many requests one runner pod takes at once
	// (runner-concurrency); 1 gives every run a pod of its own.
	RunnerConcurrency int64
	// RunnerTimeout is how long one request to a runner may last
	// (runner-timeout); longer runs yield and are resumed.
	RunnerTimeout time.Duration
	// RunnerIdle is how long a runner pod stays without a request
	// (runner-idle), 6 s to 1 h.
	RunnerIdle time.Duration
	// WebhookBaseURL is where platforms reach the adapter from outside
	// (webhook-base-url); empty is the adapter's own URL.
	WebhookBaseURL string
	// SuccessfulRuns and FailedRuns are how many finished runs of a binding are
	// kept (successful-runs-history, failed-runs-history), RunTTL how long at
	// most (run-ttl).
	SuccessfulRuns, FailedRuns int64
	RunTTL                     time.Duration
	// ResendAfter is how long a run may be Pending before it is sent to a runner,
	// and how long that may have no effect before it is sent again (resend-after).
	ResendAfter time.Duration
	// FoldEvery is how long finished runs are gathered before they are counted
	// into statuses: until none ended for so long, or for five times as long
	// (fold-every).
	FoldEvery time.Duration
}

// Default is what an empty ConfigMap means.
func Default() *Settings {
	return &Settings{
		BrokerName: "default", BrokerClass: "MTChannelBasedBroker",
		RunnerConcurrency: 10, RunnerTimeout: 10 * time.Minute, RunnerIdle: 30 * time.Second,
		SuccessfulRuns: 50, FailedRuns: 50, RunTTL: 7 * 24 * time.Hour,
		ResendAfter: 30 * time.Second, FoldEvery: 2 * time.Second,
	}
}

var keys = []string{
	"broker-name", "broker-class", "runner-concurrency", "runner-timeout", "runner-idle", "webhook-base-url",
	"successful-runs-history", "failed-runs-history", "run-ttl", "resend-after", "fold-every",
}

// FromConfigMap reads the settings. The error names every key that is unknown or
// out of bounds.
func FromConfigMap(c *corev1.ConfigMap) (*Settings, error) {
	s := Default()
	var errs []error
	for key := range c.Data {
		if !slices.Contains(keys, key) && !strings.HasPrefix(key, "_") {
			errs = append(errs, fmt.Errorf("%s: unknown key; the keys are %s", key, strings.Join(keys, ", ")))
		}
	}
	if err := cm.Parse(c.Data,
		cm.As("broker-name", &s.BrokerName), cm.As("broker-class", &s.BrokerClass),
		cm.As("runner-concurrency", &s.RunnerConcurrency),
		cm.As("runner-timeout", &s.RunnerTimeout), cm.As("runner-idle", &s.RunnerIdle),
		cm.As("webhook-base-url", &s.WebhookBaseURL),
		cm.As("successful-runs-history", &s.SuccessfulRuns), cm.As("failed-runs-history", &s.FailedRuns),
		cm.As("run-ttl", &s.RunTTL), cm.As("resend-after", &s.ResendAfter), cm.As("fold-every", &s.FoldEvery),
	); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, s.check())...); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Settings) check() error {
	var errs []error
	bound := func(key string, ok bool, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: must be %s", key, want))
		}
	}
	bound("broker-name", len(validation.IsDNS1123Subdomain(s.BrokerName)) == 0, "the name of an object: lower case letters, digits, '-' and '.'")
	bound("broker-class", s.BrokerClass != "", "a class")
	bound("runner-concurrency", s.RunnerConcurrency >= 0 && s.RunnerConcurrency <= 1000, "0 (no limit) to 1000")
	bound("runner-timeout", s.RunnerTimeout >= time.Second && s.RunnerTimeout <= time.Hour, "1s to 1h")
	bound("runner-idle", s.RunnerIdle >= 6*time.Second && s.RunnerIdle <= time.Hour, "6s to 1h")
	bound("successful-runs-history", s.SuccessfulRuns >= 0, "0 or more")
	bound("failed-runs-history", s.FailedRuns >= 0, "0 or more")
	bound("run-ttl", s.RunTTL > 0, "more than 0")
	bound("resend-after", s.ResendAfter >= time.Second, "1s or more")
	bound("fold-every", s.FoldEvery >= 100*time.Millisecond && s.FoldEvery <= time.Minute, "100ms to 1m")
	if s.WebhookBaseURL != "" {
		bound("webhook-base-url", isBaseURL(s.WebhookBaseURL), "an http or https URL without user, query and fragment")
	}
	return errors.Join(errs...)
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
