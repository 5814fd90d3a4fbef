// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package secretref_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aof.dev/operator/pkg/secretref"
)

var place = secretref.Place{Name: "the place", Lookup: func(name string) (string, bool) {
	value, ok := map[string]string{"HOOK": "s3cret", "EMPTY": ""}[name]
	return value, ok
}}

func has(name string) bool {
	value, _ := place.Lookup(name)
	return value != ""
}

func ref(name, key string) map[string]any {
	return map[string]any{"secretKeyRef": map[string]any{"name": name, "key": key}}
}

func TestFill(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config, want any
		missing      []string
		refused      string
	}{
		"as it is":                 {config: map[string]any{"secret": "plain", "port": 8080, "none": nil}, want: map[string]any{"secret": "plain", "port": 8080, "none": nil}},
		"by name":                  {config: map[string]any{"secret": "${HOOK}"}, want: map[string]any{"secret": "s3cret"}},
		"inside a text":            {config: "Bearer ${HOOK}", want: "Bearer s3cret"},
		"deep inside":              {config: map[string]any{"a": []any{map[string]any{"b": "${HOOK}"}}}, want: map[string]any{"a": []any{map[string]any{"b": "s3cret"}}}},
		"by the key of the Secret": {config: map[string]any{"secret": ref("aof-credentials", "HOOK")}, want: map[string]any{"secret": "s3cret"}},
		"a default":                {config: "${NONE:-d}", want: "d"},
		"a default for nothing":    {config: "${EMPTY:-d}", want: "d"},
		"no default needed":        {config: "${HOOK:-${NONE}}", want: "s3cret"},
		"a default of nothing":     {config: "${NONE:-}", want: ""},
		"no reference":             {config: "$HOOK and {{HOOK}}s", want: "$HOOK and s3crets"},
		"missing":                  {config: map[string]any{"a": map[string]any{"secret": "${NONE}"}}, missing: []string{"NONE"}, refused: "a: secret: the place has no NONE"},
		"empty":                    {config: "${EMPTY}", missing: []string{"EMPTY"}, refused: "the place has no EMPTY"},
		"missing beside text":      {config: "team-${NONE}", missing: []string{"NONE"}, refused: "the place has no NONE"},
		"missing in a list":        {config: []any{"${NONE}", "${EMPTY}"}, missing: []string{"EMPTY", "NONE"}, refused: "the place has no NONE"},
		"a default that is missing": {
			config: "${NONE:-${OTHER}}", missing: []string{"OTHER"}, refused: "the place has no OTHER",
		},
		"named once with a default and once without": {
			config: "${NONE:-d} ${NONE}", missing: []string{"NONE"}, refused: "the place has no NONE",
		},
		"a part of a credential": {config: "${HOOK.length}", missing: []string{"HOOK.length"}, refused: "the place has no HOOK.length"},
		"a key that is missing":  {config: ref("aof-credentials", "NONE"), missing: []string{"NONE"}, refused: "the place has no NONE"},
		"a foreign Secret":       {config: map[string]any{"secret": ref("other", "HOOK")}, refused: "secret: secretKeyRef: credentials are taken by their key from Secret aof-credentials only"},
		"no template":            {config: "${HOOK", refused: "is never closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := secretref.Fill(tc.config, place)
			assert.Equal(t, tc.missing, secretref.Missing(tc.config, has))
			if tc.refused != "" {
				require.ErrorContains(t, err, tc.refused)
				assert.NotContains(t, err.Error(), "s3cret")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestFillCopies(t *testing.T) {
	t.Parallel()
	config := map[string]any{"list": []any{"${HOOK}"}}
	_, err := secretref.Fill(config, place)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"list": []any{"${HOOK}"}}, config, "the configuration itself never holds a secret")
}

func TestAny(t *testing.T) {
	t.Parallel()
	assert.False(t, secretref.Any(map[string]any{"secret": "plain", "n": 1, "refs": []any{"a"}}))
	assert.True(t, secretref.Any(map[string]any{"list": []any{map[string]any{"a": "b ${NONE:-c}"}}}))
	assert.True(t, secretref.Any(map[string]string{"a": "${HOOK}"}))
	assert.True(t, secretref.Any(ref("aof-credentials", "HOOK")))
}
