// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"fmt"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/ledger"
)

// The kinds of the documents that hold tallies, by namespace and name.
const (
	tallies      = "tally/"
	tallyBinding = tallies + fold.KindBinding
	tallyFlow    = tallies + fold.KindFlow
	tallyAgent   = tallies + fold.KindAgent
)

// foldBatch is how many runs are counted in one transaction.
const foldBatch = 100

// fold counts every run that is over and not yet counted, each exactly once.
func (s *Server) fold(ctx context.Context) error {
	for {
		n, err := s.store.Fold(ctx, foldBatch, foldRun)
		if err != nil {
			return fmt.Errorf("fold: %w", err)
		}
		if n < foldBatch {
			return nil
		}
	}
}

func foldRun(docs ledger.Documents, run *aofv1.FlowRun) error {
	for target, runs := range fold.Contributions(run) {
		kind, key := tallies+target.Kind, target.String()
		var tally fold.Tally
		if _, err := docs.Load(kind, key, &tally); err != nil {
			return err
		}
		for _, r := range runs {
			tally.Add(r)
		}
		if err := docs.Save(kind, key, &tally); err != nil {
			return err
		}
	}
	return nil
}
