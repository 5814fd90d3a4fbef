// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/guard"
	"aof.dev/operator/pkg/ledger"
	"aof.dev/operator/pkg/quota"
)

// turns takes back what runs hold that are over, and gives those whose turn has
// come. Without limits there is nothing to look at.
func (s *Server) turns(ctx context.Context, unfinished map[types.UID]*aofv1.FlowRun) (map[types.UID]bool, error) {
	keys, err := s.quotas(ctx)
	if err != nil {
		return nil, err
	}
	due := map[types.UID]bool{}
	for _, key := range keys {
		var next []string
		gone := func(p guard.Place, now time.Time) bool {
			run := unfinished[types.UID(p.ID)]
			if p.Fresh(now) {
				return false // it may be newer than what we know
			}
			return run == nil || key.Kind == quota.Context && run.Status.Phase == aofv1.FlowRunPhaseWaiting
		}
		switch key.Kind {
		case quota.Context:
			err = s.runner.Quotas.Quota(ctx, key, func(q *guard.Quota, now time.Time) bool {
				changed := q.Vacate(func(p guard.Place) bool { return gone(p, now) })
				next = q.Next(now)
				return changed
			})
		case quota.Binding:
			err = s.runner.Quotas.Turns(ctx, key, func(t *guard.Turns, now time.Time) bool {
				changed := t.Vacate(func(p guard.Place) bool { return gone(p, now) })
				next = t.Next()
				return changed
			})
		}
		if err != nil {
			return due, err
		}
		for _, id := range next {
			due[types.UID(id)] = true
		}
	}
	return due, nil
}

// quotas are the documents there are.
func (s *Server) quotas(ctx context.Context) (keys []quota.Key, err error) {
	err = s.store.View(ctx, func(docs ledger.Documents) error {
		keys = nil
		for _, kind := range []quota.Kind{quota.Context, quota.Binding} {
			names, err := docs.Keys(quota.DocumentKind(kind))
			if err != nil {
				return err
			}
			for _, name := range names {
				namespace, name, _ := strings.Cut(name, "/")
				keys = append(keys, quota.Key{Kind: kind, Namespace: namespace, Name: name})
			}
		}
		return nil
	})
	return keys, err
}
