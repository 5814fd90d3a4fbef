// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/configmap"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/config"
	"aof.dev/operator/pkg/names"
)

// object is one document of the installation.
type object struct {
	*unstructured.Unstructured

	file string
}

func installation(t *testing.T) []object {
	t.Helper()
	files, err := fs.Glob(config.Core, "core/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []object
	for _, file := range files {
		raw, err := config.Core.ReadFile(file)
		require.NoError(t, err)
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			o := object{&unstructured.Unstructured{}, path.Base(file)}
			require.NoError(t, yaml.Unmarshal([]byte(doc), &o.Object), file)
			all = append(all, o)
		}
	}
	return all
}

func (o object) String() string { return o.file + " " + o.GetKind() + " " + o.GetName() }

var clusterWide = []string{
	"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
}

func TestEveryObjectIsOursAndInItsPlace(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range installation(t) {
		assert.Regexp(t, `^[1-7]\d\d-[a-z-]+\.yaml$`, o.file)
		if o.GetKind() != "Service" || o.GetAPIVersion() == "v1" { // the two Services differ in their group
			assert.False(t, seen[o.GetAPIVersion()+o.GetKind()+"/"+o.GetName()], "%s stands there twice", o)
			seen[o.GetAPIVersion()+o.GetKind()+"/"+o.GetName()] = true
		}
		assert.Equal(t, "aof-operator", o.GetLabels()["app.kubernetes.io/part-of"], "%s", o)
		if slices.Contains(clusterWide, o.GetKind()) {
			assert.Empty(t, o.GetNamespace(), "%s", o)
		} else {
			assert.Equal(t, names.SystemNamespace, o.GetNamespace(), "%s", o)
		}
	}
}

// podSpecs are the pods that the installation makes.
func podSpecs(t *testing.T) map[string]corev1.PodSpec {
	t.Helper()
	specs := map[string]corev1.PodSpec{}
	for _, o := range installation(t) {
		template, found, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
		require.NoError(t, err)
		if !found {
			continue
		}
		// What only Knative knows.
		delete(template, "containerConcurrency")
		delete(template, "timeoutSeconds")
		delete(template, "responseStartTimeoutSeconds")
		var spec corev1.PodSpec
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(template, &spec, true), "%s", o)
		specs[o.GetName()] = spec
	}
	return specs
}

// accounts say who works as whom; both halves of the adapter are one program.
var accounts = map[string]string{
	names.Controller: names.Controller, names.Webhook: names.Webhook, names.Adapter: names.Adapter, names.Stream: names.Adapter,
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	specs := podSpecs(t)
	require.Len(t, specs, 4)
	for name, spec := range specs {
		require.Len(t, spec.Containers, 1, name)
		c := spec.Containers[0]
		require.NotNil(t, c.SecurityContext, name)
		var pod corev1.PodSecurityContext
		if spec.SecurityContext != nil {
			pod = *spec.SecurityContext
		}
		assert.True(t, isTrue(pod.RunAsNonRoot) || isTrue(c.SecurityContext.RunAsNonRoot), "%s runs as root", name)
		profile := c.SecurityContext.SeccompProfile
		if profile == nil {
			profile = pod.SeccompProfile
		}
		require.NotNil(t, profile, name)
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, profile.Type, name)
		assert.True(t, isTrue(c.SecurityContext.ReadOnlyRootFilesystem), name)
		require.NotNil(t, c.SecurityContext.AllowPrivilegeEscalation, name)
		assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
		assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
		assert.Empty(t, c.SecurityContext.Capabilities.Add, name)
		assert.False(t, isTrue(spec.EnableServiceLinks) || spec.EnableServiceLinks == nil, "%s: service links", name)
		assert.False(t, spec.HostNetwork || spec.HostPID || spec.HostIPC, name)
		assert.Equal(t, accounts[name], spec.ServiceAccountName, name)
		assert.False(t, c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero(), "%s says what it needs", name)
		assert.False(t, c.Resources.Limits.Memory().IsZero(), "%s says what it may take", name)
	}
	for _, name := range []string{names.Adapter, names.Stream} {
		assert.False(t, isTrue(specs[name].AutomountServiceAccountToken) || specs[name].AutomountServiceAccountToken == nil, "%s waits for a token volume", name)
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

var koReference = regexp.MustCompile(`ko://aof\.dev/operator/(\S+)`)

func TestImagesAreMadeOfCommandsThatExist(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for name, spec := range podSpecs(t) {
		c := spec.Containers[0]
		match := koReference.FindStringSubmatch(c.Image)
		require.NotNil(t, match, "%s: %s", name, c.Image)
		found[match[1]] = true
		for _, e := range c.Env {
			if match := koReference.FindStringSubmatch(e.Value); match != nil {
				assert.Equal(t, names.Controller+" AOF_RUNNER_IMAGE", name+" "+e.Name)
				found[match[1]] = true
			}
		}
	}
	assert.Equal(t, map[string]bool{"cmd/controller": true, "cmd/webhook": true, "cmd/adapter": true, "cmd/runner": true}, found)
	for command := range found {
		_, err := os.Stat("../" + command)
		assert.NoError(t, err)
	}
}

func TestExamplesHaveTheirChecksum(t *testing.T) {
	t.Parallel()
	var n int
	for _, o := range installation(t) {
		if o.GetKind() != "ConfigMap" {
			continue
		}
		var c corev1.ConfigMap
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &c))
		example, ok := c.Data[configmap.ExampleKey]
		if !ok {
			continue
		}
		n++
		assert.Equal(t, configmap.Checksum(example), c.Annotations[configmap.ExampleChecksumAnnotation], "%s: write this checksum", o)
	}
	assert.Equal(t, 3, n)
}

func TestEveryRuleSaysWhy(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(config.Core, "core/2*.yaml")
	require.NoError(t, err)
	var rules int
	for _, file := range files {
		raw, err := config.Core.ReadFile(file)
		require.NoError(t, err)
		lines := strings.Split(string(raw), "\n")
		for i, line := range lines {
			if !strings.HasPrefix(line, "  - apiGroups:") {
				continue
			}
			rules++
			above := strings.TrimSpace(lines[i-1])
			assert.True(t, strings.HasPrefix(above, "#"), "%s:%d: a rule without a reason", file, i+1)
		}
	}
	assert.Greater(t, rules, 20)
}

func TestNoRuleIsWiderThanItSays(t *testing.T) {
	t.Parallel()
	for _, o := range installation(t) {
		if o.GetKind() != "ClusterRole" && o.GetKind() != "Role" {
			continue
		}
		var role rbacv1.ClusterRole
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role))
		for _, rule := range role.Rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				assert.NotContains(t, list, "*", "%s", o)
			}
			assert.NotContains(t, rule.Verbs, "escalate", "%s", o)
			assert.NotContains(t, rule.Verbs, "bind", "%s", o)
			assert.NotContains(t, rule.Verbs, "impersonate", "%s", o)
			if slices.Contains(rule.Resources, "secrets") && !slices.Equal(rule.Verbs, []string{"create"}) {
				assert.NotEmpty(t, rule.ResourceNames, "%s: which Secrets?", o)
			}
		}
	}
}
