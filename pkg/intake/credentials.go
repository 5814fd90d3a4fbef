// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/secretref"
)

// credentials is the Secret that a table refers to, if it does.
type credentials struct {
	secretref.Place
	// version changes with the Secret.
	version string
	// err says why it can't be had, for good.
	err error
}

// credentials reads the Secret if a table needs it. The error is one that may go
// away by itself.
func (r *Routes) credentials(ctx context.Context, table *route.Table) (credentials, error) {
	out := credentials{Place: placeOf(nil)}
	if !secretref.Any(table.Config) {
		return out, nil
	}
	secret, err := r.options.Objects.Secret(ctx, table.Namespace, names.Credentials)
	switch {
	case apierrors.IsNotFound(err):
		out.err = fmt.Errorf("there is no Secret %s", names.Credentials)
	case apierrors.IsForbidden(err):
		out.err = fmt.Errorf("the adapter may not read the Secret %s", names.Credentials)
	case err != nil:
		return out, fmt.Errorf("get Secret %s: %w", names.Credentials, err)
	default:
		out.Place, out.version = placeOf(secret.Data), string(secret.UID)+"@"+secret.ResourceVersion
	}
	return out, nil
}

func placeOf(values map[string][]byte) secretref.Place {
	return secretref.Place{Name: "the Secret " + names.Credentials, Lookup: func(name string) (string, bool) {
		value, ok := values[name]
		return string(value), ok
	}}
}
