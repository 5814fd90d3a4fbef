// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"aof.dev/operator/pkg/cli/remote"
)

// object gives one object in the target's namespace. When it is not there the
// error names what is there and looks like it, as far as the user may list.
func (t *target) object(ctx context.Context, c *remote.Client, r remote.Resource, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.Get(ctx, r, namespace, name)
	if err == nil {
		return u, nil
	}
	if !apierrors.IsNotFound(err) || remote.IsUnknownKind(err) {
		return nil, startable(err)
	}
	return nil, t.notFound(ctx, c, r, namespace, name)
}

func (t *target) notFound(ctx context.Context, c *remote.Client, r remote.Resource, namespace, name string) error {
	hint := ""
	if list, err := c.List(ctx, r, remote.Selection{Namespace: namespace}); err == nil {
		names := make([]string, 0, len(list.Items))
		for i := range list.Items {
			names = append(names, list.Items[i].GetName())
		}
		hint = didYouMean(name, names)
	}
	return failed("%s %q not found%s%s", r.Plural, name, inNamespace(namespace), hint)
}

// didYouMean names up to three that look like what was asked for.
func didYouMean(wanted string, names []string) string {
	type candidate struct {
		name     string
		distance int
	}
	var close []candidate
	for _, name := range names {
		d := distance(wanted, name)
		switch {
		case wanted != "" && strings.HasPrefix(name, wanted):
			d = 0
		case d > 1+len(wanted)/4:
			continue
		}
		close = append(close, candidate{name, d})
	}
	slices.SortStableFunc(close, func(a, b candidate) int { return a.distance - b.distance })
	const most = 3
	var shown []string
	for _, c := range close[:min(most, len(close))] {
		shown = append(shown, c.name)
	}
	if len(shown) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", strings.Join(shown, " or "))
}

// distance is how many characters have to be changed, added or taken away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
