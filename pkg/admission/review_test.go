// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// reviews lets users get what is listed, as resource/namespace/name, and keeps
// what it was asked.
type reviews struct {
	allowed []string
	err     error
	asked   []authorizationv1.SubjectAccessReviewSpec
}

func (r *reviews) Create(_ context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	r.asked = append(r.asked, review.Spec)
	if r.err != nil {
		return nil, r.err
	}
	out := review.DeepCopy()
	a := review.Spec.ResourceAttributes
	for _, one := range r.allowed {
		out.Status.Allowed = out.Status.Allowed || a.Verb == "get" && a.Group == "aof.dev" && one == a.Resource+"/"+a.Namespace+"/"+a.Name
	}
	return out, nil
}

var ann = &authenticationv1.UserInfo{
	Username: "ann", UID: "7", Groups: []string{"oncall"}, Extra: map[string]authenticationv1.ExtraValue{"scopes": {"all"}},
}

func read(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(manifest), &u.Object))
	return u
}

const binding = `
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: b, namespace: team-a}
spec: {trigger: {name: t}, context: {name: c}, flow: {name: f}}`

const shared = `
apiVersion: aof.dev/v1
kind: FlowBinding
metadata: {name: b, namespace: team-a}
spec: {trigger: slack/t, context: {ref: team-a/c}, flow: {name: f, namespace: platform}}`

func TestReferencesIntoOtherNamespaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object  string
		old     string
		user    *authenticationv1.UserInfo
		allowed []string
		want    []string // paths refused
		asked   int
	}{
		"all in one namespace":         {object: binding},
		"both allowed":                 {object: shared, allowed: []string{"triggers/slack/t", "agentflows/platform/f"}, asked: 2},
		"one refused":                  {object: shared, allowed: []string{"triggers/slack/t"}, want: []string{"spec.flow"}, asked: 2},
		"a right elsewhere is no help": {object: shared, allowed: []string{"triggers/slack/x", "agentflows/team-b/f"}, want: []string{"spec.flow", "spec.trigger"}, asked: 2},
		"nothing new is referred to":   {object: shared, old: shared},
		"one reference is new":         {object: shared, old: `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: b, namespace: team-a}, spec: {trigger: slack/t, context: c, flow: f}}`, want: []string{"spec.flow"}, asked: 1},
		"the same name of another kind is new": {
			object: shared, allowed: []string{"triggers/slack/t"}, want: []string{"spec.flow"}, asked: 2,
			old: `{apiVersion: aof.dev/v1, kind: FlowBinding, metadata: {name: b, namespace: team-a}, spec: {trigger: platform/f, context: c, flow: slack/t}}`,
		},
		"the controller writes for nobody":  {object: shared, user: &authenticationv1.UserInfo{Username: "system:serviceaccount:aof-system:aof-controller"}},
		"a runner is not the controller":    {object: shared, user: &authenticationv1.UserInfo{Username: "system:serviceaccount:team-a:aof-runner"}, want: []string{"spec.flow", "spec.trigger"}, asked: 2},
		"nor is one of that name elsewhere": {object: shared, user: &authenticationv1.UserInfo{Username: "system:serviceaccount:team-a:aof-controller"}, want: []string{"spec.flow", "spec.trigger"}, asked: 2},
		"agents and fleets of nodes": {
			object: `{apiVersion: aof.dev/v1, kind: AgentFlow, metadata: {name: f, namespace: team-a}, spec: {context: {ref: ops/c}, nodes: [
				{id: a, type: Agent, config: {agent: ops/secret}}, {id: b, type: Agent, config: {agent: mine}},
				{id: c, type: Fleet, config: {fleet: ops/crew}}, {id: d, type: Script, config: {agent: a/b}}]}}`,
			want: []string{"spec.context.ref", "spec.nodes[0].config.agent", "spec.nodes[2].config.fleet"}, asked: 3,
		},
		"members of a fleet": {
			object: `{apiVersion: aof.dev/v1, kind: AgentFleet, metadata: {name: f, namespace: team-a}, spec: {agents: [{ref: ops/x}, {ref: near}, {name: z, spec: {model: m}}]}}`,
			want:   []string{"spec.agents[0].ref"}, asked: 1,
		},
		"a kind that refers to nothing": {object: `{apiVersion: aof.dev/v1, kind: Agent, metadata: {name: a, namespace: team-a}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := &reviews{allowed: c.allowed}
			user := ann
			if c.user != nil {
				user = c.user
			}
			ctx := apis.WithUserInfo(t.Context(), user)
			if c.old != "" {
				old, err := typed(read(t, c.old))
				require.NoError(t, err)
				ctx = apis.WithinUpdate(ctx, old)
			}
			r := &References{Reviews: asked, Processes: Processes{Namespace: "aof-system"}}
			err := r.Check(ctx, read(t, c.object))
			assert.ElementsMatch(t, c.want, refusedPaths(t, err))
			assert.Len(t, asked.asked, c.asked)
		})
	}
}

func refusedPaths(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var refused *apis.FieldError
	require.ErrorAs(t, err, &refused)
	var paths []string
	for _, one := range refused.WrappedErrors() {
		var field *apis.FieldError
		require.ErrorAs(t, one, &field)
		paths = append(paths, field.Paths...)
	}
	return paths
}

func TestARefusalSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	asked := &reviews{allowed: []string{"triggers/slack/t"}}
	r := &References{Reviews: asked, Processes: Processes{Namespace: "aof-system"}}
	err := r.Check(apis.WithUserInfo(t.Context(), ann), read(t, shared))
	require.Error(t, err)
	assert.Equal(t, `user "ann" may not get agentflows.aof.dev "f" in namespace "platform": spec.flow`+
		"\nan object in another namespace can be referred to by whoever has the right to get it there", err.Error())
	assert.Equal(t, authorizationv1.SubjectAccessReviewSpec{
		User: "ann", UID: "7", Groups: []string{"oncall"}, Extra: map[string]authorizationv1.ExtraValue{"scopes": {"all"}},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: "get", Group: "aof.dev", Version: "v1", Resource: "agentflows", Namespace: "platform", Name: "f",
		},
	}, asked.asked[1], "all that is known of the user is asked about")
}

func TestWhatCannotBeAskedIsRefused(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	r := &References{Reviews: &reviews{err: down}}
	require.ErrorIs(t, r.Check(apis.WithUserInfo(t.Context(), ann), read(t, shared)), down)
	require.Error(t, r.Check(t.Context(), read(t, shared)), "nobody may refer anywhere")
}
