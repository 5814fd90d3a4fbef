// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/manifest"
)

// upstreamDir is where upstream's own files lie beside a checkout, when they do.
const upstreamDir = "../../../shared/upstream"

func requireUpstream(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(upstreamDir); err != nil {
		t.Skip("upstream's files are not beside this checkout: nothing to import")
	}
}

// TestUpstreamFiles imports every file of upstream's by itself: it gives valid
// objects, or a message that says what is wrong.
func TestUpstreamFiles(t *testing.T) {
	t.Parallel()
	requireUpstream(t)
	files := 0
	require.NoError(t, filepath.WalkDir(upstreamDir, func(path string, _ os.DirEntry, err error) error {
		require.NoError(t, err)
		if filepath.Ext(path) != ".yaml" {
			return nil
		}
		files++
		t.Run(strings.TrimPrefix(path, upstreamDir+"/"), func(t *testing.T) {
			t.Parallel()
			result, err := Import([]string{path}, manifest.Options{})
			require.NoError(t, err)
			assert.False(t, result.Refused(), notesText(result.Notes, ""))
			assert.NotEmpty(t, result.Objects)
			requireValid(t, result)
		})
		return nil
	}))
	require.Positive(t, files)
}

// TestUpstreamComposition imports the one complete composition and looks at
// what its parts say of each other.
func TestUpstreamComposition(t *testing.T) {
	t.Parallel()
	requireUpstream(t)
	result, err := Import([]string{filepath.Join(upstreamDir, "seed-era")}, manifest.Options{})
	require.NoError(t, err)
	assert.False(t, result.Refused())
	requireValid(t, result)

	byName := map[string]string{}
	for _, o := range result.Objects {
		byName[o.Kind+"/"+o.Name] = string(o.YAML)
	}
	assert.Len(t, byName, 18)
	binding := byName["FlowBinding/prod-slack-k8s"]
	assert.Contains(t, binding, "trigger:\n    name: slack-prod")
	assert.Contains(t, binding, "flow:\n    name: k8s-ops-flow")
	assert.Contains(t, binding, "context:\n    name: prod")
	assert.Contains(t, binding, "require_double_approval: true")
	assert.Contains(t, byName["AgentFleet/incident-team"], "name: k8s-ops")
	assert.Contains(t, byName["Context/prod"], "kubeconfig: ${KUBECONFIG_PROD:-~/.kube/prod-config}")

	docs, problems := manifest.Parse("out.yaml", result.YAML())
	require.Empty(t, problems)
	var objects []*manifest.Object
	for _, doc := range docs {
		found, wrong := manifest.Decode(doc)
		require.Empty(t, wrong)
		objects = append(objects, found...)
	}
	warnings := manifest.Validate(objects)
	require.Len(t, warnings, 1, "upstream has no triggers/pagerduty.yaml here, and that is all that is missing")
	assert.Contains(t, warnings[0].Message, `Trigger "pagerduty"`)
}
