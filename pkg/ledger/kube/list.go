// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// scanLimit is how many runs are asked for at a time when only some of them are
// wanted.
const scanLimit = 500

// cursor is where a page ended; it goes to the caller as continue token. All
// pages of a list are of the state that the first one showed, which the API
// keeps for some minutes.
type cursor struct {
	// Version is that state. Token is the API's own continue token of the
	// portion in which the next run stands, Skip the place in there.
	Version string `json:"v,omitempty"`
	Token   string `json:"t,omitempty"`
	Skip    int    `json:"k,omitempty"`
}

// List implements ledger.Store. Newest first reads all runs of the namespace for
// every page, as the API can't sort; runs of one second are ordered by when they
// were last written.
func (s *Store) List(ctx context.Context, o ledger.ListOptions) (*aofv1.FlowRunList, error) {
	list, err := s.list(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	list.TypeMeta = metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRunList"}
	return list, nil
}

func (s *Store) list(ctx context.Context, o ledger.ListOptions) (*aofv1.FlowRunList, error) {
	// The limit is a part of what a token is for, since it decides how portions
	// are cut.
	var err error
	if o.Limit, err = o.PageSize(); err != nil {
		return nil, err
	}
	var at cursor
	if _, err := o.Place(&at); err != nil {
		return nil, err
	}
	at.Skip = max(at.Skip, 0)
	if o.NewestFirst {
		return s.newest(ctx, o, at)
	}
	return s.scan(ctx, o, at)
}

// scan goes through the runs in the API's order, by namespace and name, until it
// has a page and knows where the next one begins.
func (s *Store) scan(ctx context.Context, o ledger.ListOptions, at cursor) (*aofv1.FlowRunList, error) {
	portion := scanLimit
	all := o.Flow == "" && o.Binding == "" && o.Trigger == "" && len(o.Phases) == 0
	if all {
		portion = o.Limit
	}
	out := &aofv1.FlowRunList{Items: []aofv1.FlowRun{}}
	for {
		got, err := s.portion(ctx, o.Namespace, at, portion)
		if err != nil {
			return nil, err
		}
		at.Version, out.ResourceVersion = got.ResourceVersion, got.ResourceVersion
		for i := at.Skip; i < len(got.Items); i++ {
			if !selects(o, &got.Items[i]) {
				continue
			}
			if len(out.Items) == o.Limit {
				at.Skip = i
				out.Continue, err = o.Token(at)
				return out, err
			}
			out.Items = append(out.Items, *tidy(&got.Items[i]))
		}
		at.Token, at.Skip = got.Continue, 0
		switch {
		case at.Token == "":
			return out, nil
		case all && len(out.Items) == o.Limit:
			out.Continue, err = o.Token(at)
			return out, err
		}
	}
}

// newest sorts all there is and gives a page of it.
func (s *Store) newest(ctx context.Context, o ledger.ListOptions, at cursor) (*aofv1.FlowRunList, error) {
	skip := at.Skip
	at.Skip = 0
	out := &aofv1.FlowRunList{Items: []aofv1.FlowRun{}}
	for {
		got, err := s.portion(ctx, o.Namespace, at, scanLimit)
		if err != nil {
			return nil, err
		}
		at.Version, at.Token, out.ResourceVersion = got.ResourceVersion, got.Continue, got.ResourceVersion
		for i := range got.Items {
			if selects(o, &got.Items[i]) {
				out.Items = append(out.Items, *tidy(&got.Items[i]))
			}
		}
		if at.Token == "" {
			break
		}
	}
	slices.SortFunc(out.Items, func(a, b aofv1.FlowRun) int {
		return cmp.Or(
			b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
			cmp.Compare(written(&b), written(&a)),
		)
	})
	out.Items = out.Items[min(skip, len(out.Items)):]
	if len(out.Items) > o.Limit {
		out.Items = out.Items[:o.Limit]
		at.Skip = skip + o.Limit
		token, err := o.Token(at)
		if err != nil {
			return nil, err
		}
		out.Continue = token
	}
	return out, nil
}

// written is the number of a run's last write.
func written(run *aofv1.FlowRun) uint64 {
	n, err := strconv.ParseUint(run.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// portion asks the API for some runs.
func (s *Store) portion(ctx context.Context, namespace string, at cursor, limit int) (*aofv1.FlowRunList, error) {
	request := s.client.Get().Resource(resource).Param("limit", strconv.Itoa(limit))
	if namespace != "" {
		request = request.Namespace(namespace)
	}
	switch {
	case at.Token != "": // it says of which state
		request = request.Param("continue", at.Token)
	case at.Version != "":
		request = request.Param("resourceVersion", at.Version).Param("resourceVersionMatch", string(metav1.ResourceVersionMatchExact))
	}
	list := &aofv1.FlowRunList{}
	if err := request.Do(ctx).Into(list); err != nil {
		return nil, mapped(err)
	}
	return list, nil
}

func selects(o ledger.ListOptions, run *aofv1.FlowRun) bool {
	named := func(want string, r *aofv1.ObjectReference) bool {
		return want == "" || (r != nil && r.Name == want)
	}
	phase := cmp.Or(run.Status.Phase, aofv1.FlowRunPhasePending)
	return named(o.Flow, &run.Spec.Flow) && named(o.Binding, run.Spec.Binding) && named(o.Trigger, run.Spec.Trigger) &&
		(len(o.Phases) == 0 || slices.Contains(o.Phases, phase))
}
