// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// maxTries is how often an amendment is made anew because the run has changed.
const maxTries = 50

// Amend implements ledger.Store.
func (s *Store) Amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (*aofv1.FlowRun, error) {
	for try := 1; ; try++ {
		run, err := s.amend(ctx, namespace, name, change)
		if err == nil || !errors.Is(err, ledger.ErrConflict) || try == maxTries {
			return run, about("amend", namespace, name, err)
		}
	}
}

func (s *Store) amend(ctx context.Context, namespace, name string, change func(*aofv1.FlowRunSpec) error) (*aofv1.FlowRun, error) {
	run, err := s.Get(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	spec, changed, err := ledger.Amended(run.Spec, change)
	if err != nil || !changed {
		return run, err
	}
	run.Spec = spec
	body, err := encode(run)
	if err != nil {
		return nil, err
	}
	stored, err := answered(send(s.client.Put(), body).Namespace(namespace).Resource(resource).Name(name).Do(ctx))
	if err != nil {
		return nil, err
	}
	run.ResourceVersion, run.Generation = stored.ResourceVersion, stored.Generation
	return run, nil
}
