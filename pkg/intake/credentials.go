// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
)

// credentials are the Secrets that a table refers to.
type credentials struct {
	// values are those of ${NAME}.
	values map[string][]byte
	// others are the Secrets that secretKeyRef names, by their names.
	others map[string]map[string][]byte
	// version changes with any of them.
	version string
	// err says why they can't be had, for good.
	err error
}

// credentials reads the Secrets that a table needs; none when it needs none. The
// error is one that may go away by itself.
func (r *Routes) credentials(ctx context.Context, table *route.Table) (credentials, error) {
	var out credentials
	wanted := map[string]bool{}
	collect(table.Config, wanted)
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		secret, err := r.options.Objects.Secret(ctx, table.Namespace, name)
		switch {
		case apierrors.IsNotFound(err):
			out.err = errors.Join(out.err, fmt.Errorf("there is no Secret %s", name))
			continue
		case apierrors.IsForbidden(err):
			out.err = errors.Join(out.err, fmt.Errorf("the adapter may not read the Secret %s", name))
			continue
		case err != nil:
			return credentials{}, fmt.Errorf("get Secret %s: %w", name, err)
		}
		versions = append(versions, string(secret.UID)+"@"+secret.ResourceVersion)
		out.keep(secret)
	}
	out.version = strings.Join(versions, ",")
	return out, nil
}

func (c *credentials) keep(secret *corev1.Secret) {
	if secret.Name == names.Credentials {
		c.values = secret.Data
	}
	if c.others == nil {
		c.others = map[string]map[string][]byte{}
	}
	c.others[secret.Name] = secret.Data
}

// collect finds the names of the Secrets that a configuration refers to.
func collect(v any, into map[string]bool) {
	switch v := v.(type) {
	case string:
		if t, err := expr.ParseTemplate(v); err == nil && len(t.Refs()) > 0 {
			into[names.Credentials] = true
		}
	case map[string]any:
		if name, _, ok := secretKey(v); ok {
			into[name] = true
			return
		}
		for _, item := range v {
			collect(item, into)
		}
	case []any:
		for _, item := range v {
			collect(item, into)
		}
	}
}

// secretKey reads {secretKeyRef: {name, key}}.
func secretKey(v map[string]any) (name, key string, ok bool) {
	ref, ok := v["secretKeyRef"].(map[string]any)
	if !ok {
		return "", "", false
	}
	name, _ = ref["name"].(string)
	key, _ = ref["key"].(string)
	return name, key, triggerName.MatchString(name) && key != ""
}

// resolve puts credentials into a configuration. Its errors name keys and Secrets,
// never values.
func (c credentials) resolve(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return c.render(v)
	case map[string]any:
		if name, key, ok := secretKey(v); ok {
			value, ok := c.others[name][key]
			if !ok {
				return nil, fmt.Errorf("the Secret %s has no %s", name, key)
			}
			return string(value), nil
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			resolved, err := c.resolve(item)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			resolved, err := c.resolve(item)
			if err != nil {
				return nil, err
			}
			out[i] = resolved
		}
		return out, nil
	default:
		return v, nil
	}
}

// render replaces ${NAME}. A credential that is missing is an error, not nothing:
// an empty secret would let everybody in.
func (c credentials) render(text string) (string, error) {
	t, err := expr.ParseTemplate(text)
	if err != nil {
		return "", err
	}
	for _, ref := range t.Refs() {
		name := ref.String()
		if _, ok := c.values[name]; !ok && !strings.Contains(text, "${"+name+":-") {
			return "", fmt.Errorf("the Secret %s has no %s", names.Credentials, name)
		}
	}
	return t.Render(expr.ResolverFunc(func(p expr.Path) (any, bool) {
		if len(p) != 1 {
			return nil, false
		}
		value, ok := c.values[p[0]]
		return string(value), ok
	}))
}
