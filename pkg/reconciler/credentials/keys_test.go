// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"aof.dev/operator/pkg/llm"
	"aof.dev/operator/pkg/llm/builtin"
	"aof.dev/operator/pkg/names"
)

func in(t *testing.T, data map[string][]byte) Keys {
	t.Helper()
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	stripped, err := Strip(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Credentials}, Data: data})
	require.NoError(t, err)
	require.NoError(t, indexer.Add(stripped))
	keys, err := In(corelisters.NewSecretLister(indexer), "ns")
	require.NoError(t, err)
	return keys
}

func TestNoValueIsKept(t *testing.T) {
	t.Parallel()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "s3cret"}},
		Data:       map[string][]byte{"TOKEN": []byte("s3cret"), "AOF_MODEL": []byte("mock:echo")},
	}
	kept, err := Strip(secret)
	require.NoError(t, err)
	raw, err := kept.(*corev1.Secret).Marshal()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "s3cret")
	assert.Contains(t, string(raw), "TOKEN")
	other, err := Strip("something else")
	require.NoError(t, err)
	assert.Equal(t, "something else", other)
}

func TestMissing(t *testing.T) {
	t.Parallel()
	keys := KeysOf("A", "B")
	for name, c := range map[string]struct {
		config any
		want   []string
	}{
		"all is there":             {map[string]any{"x": "${A}", "y": []any{"${B}"}}, nil},
		"nested and in a list":     {map[string]any{"x": map[string]any{"y": []any{"${C}", "a ${D} b"}}}, []string{"C", "D"}},
		"named twice":              {map[string]string{"x": "${C}", "y": "${C}"}, []string{"C"}},
		"a default stands in":      {"${C:-none}", nil},
		"text is no reference":     {"$C {C} C", nil},
		"numbers refer to nothing": {map[string]any{"x": 1, "y": true, "z": nil}, nil},
		"what does not parse":      {"${", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, keys.Missing(c.config))
		})
	}
}

func TestForModel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys            Keys
		model, provider string
		want            string
	}{
		"the key is there":           {keys: in(t, map[string][]byte{"OPENAI_API_KEY": nil}), model: "openai:gpt-4o"},
		"the key is not there":       {keys: in(t, nil), model: "openai:gpt-4o", want: "the model needs OPENAI_API_KEY, which Secret aof-credentials of the namespace does not have"},
		"there is no Secret":         {model: "groq:llama", want: "the model needs GROQ_API_KEY; the namespace has no Secret"},
		"either key will do":         {keys: in(t, map[string][]byte{"GEMINI_API_KEY": nil}), model: "google:gemini"},
		"a bare model has a default": {keys: in(t, nil), model: "claude-sonnet", want: "ANTHROPIC_API_KEY"},
		"the field names it":         {keys: in(t, nil), model: "llama3:8b", provider: "ollama"},
		"the prefix wins":            {keys: in(t, nil), model: "openai:x", provider: "ollama", want: "OPENAI_API_KEY"},
		"no key is needed":           {model: "mock:echo"},
		"nobody knows it":            {model: "acme:x", want: ErrUnknownProvider.Error()},
		"another model is used":      {keys: in(t, map[string][]byte{"AOF_MODEL": []byte("mock:echo\n")}), model: "openai:gpt-4o"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.keys.ForModel(c.model, c.provider)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

// The table says what pkg/llm says: with the key that it names a provider opens,
// and without it does not.
func TestTheTableIsThatOfTheProviders(t *testing.T) {
	t.Parallel()
	for _, p := range providers {
		for _, alias := range p.aliases {
			assert.True(t, llm.Known(alias), alias)
			_, _, err := builtin.Opener(llm.Options{}).Open(alias + ":model")
			if len(p.keys) == 0 {
				continue
			}
			require.Error(t, err, alias)
			for _, key := range p.keys {
				_, _, err := builtin.Opener(llm.Options{Getenv: func(name string) string {
					if name == key {
						return "a-key"
					}
					return ""
				}}).Open(alias + ":model")
				if err != nil {
					assert.ErrorContains(t, err, "built in", "%s does not open with %s", alias, key)
				}
			}
		}
	}
}
