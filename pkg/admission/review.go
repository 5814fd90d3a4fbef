// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"knative.dev/pkg/apis"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// Reviewer asks the API server what a user may do.
type Reviewer interface {
	Create(ctx context.Context, review *authorizationv1.SubjectAccessReview, opts metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// References lets an object refer to one in another namespace when the user who
// writes it may get that object.
type References struct {
	Reviews Reviewer
	// Processes writes on behalf of nobody and is not asked.
	Processes Processes
}

// Check is a validation callback for FlowBindings, AgentFlows and AgentFleets,
// and part of that for FlowRuns. The error names every field whose object the user may not get.
func (r *References) Check(ctx context.Context, u *unstructured.Unstructured) error {
	user := apis.GetUserInfo(ctx)
	if user == nil {
		return errNobody
	}
	if r.Processes.define(user.Username) {
		return nil
	}
	object, err := typed(u)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	if apis.IsInUpdate(ctx) {
		for _, ref := range foreign(apis.GetBaseline(ctx)) {
			known[ref.target()] = true
		}
	}
	var refused *apis.FieldError
	for _, ref := range foreign(object) {
		if known[ref.target()] {
			continue // whoever wrote it could read it
		}
		denied, err := r.review(ctx, user, ref)
		if err != nil {
			return fmt.Errorf("%s: ask whether %s may read it: %w", ref.field, user.Username, err)
		}
		refused = refused.Also(denied)
	}
	if refused != nil {
		return refused
	}
	return nil
}

func (r *References) review(ctx context.Context, user *authenticationv1.UserInfo, ref reference) (*apis.FieldError, error) {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	review, err := r.Reviews.Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: "get", Group: aofv1.SchemeGroupVersion.Group, Version: aofv1.SchemeGroupVersion.Version,
				Resource: ref.resource, Namespace: ref.key.Namespace, Name: ref.key.Name,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	if review.Status.Allowed {
		return nil, nil //nolint:nilnil // nothing to refuse and nothing went wrong
	}
	return &apis.FieldError{
		Message: fmt.Sprintf("user %q may not get %s.%s %q in namespace %q",
			user.Username, ref.resource, aofv1.SchemeGroupVersion.Group, ref.key.Name, ref.key.Namespace),
		Paths:   []string{ref.field},
		Details: "an object in another namespace can be referred to by whoever has the right to get it there",
	}, nil
}

func decode(u *unstructured.Unstructured, into any) error {
	raw, err := u.MarshalJSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
