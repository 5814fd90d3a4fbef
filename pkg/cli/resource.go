// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/config"
)

// resource is one of our kinds as its CRD tells it.
type resource struct {
	Plural, Singular, Kind string
	ShortNames             []string
	Columns                []apiextensionsv1.CustomResourceColumnDefinition
}

func (r resource) names() []string {
	return append([]string{r.Plural, r.Singular, strings.ToLower(r.Kind)}, r.ShortNames...)
}

// resources reads the CRDs that the binary carries, once.
var resources = sync.OnceValues(func() ([]resource, error) {
	files, err := fs.Glob(config.Core, "core/300-*.yaml")
	if err != nil {
		return nil, err
	}
	var out []resource
	for _, file := range files {
		raw, err := config.Core.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		names := crd.Spec.Names
		out = append(out, resource{names.Plural, names.Singular, names.Kind, names.ShortNames, crd.Spec.Versions[0].AdditionalPrinterColumns})
	}
	return out, nil
})

// aliases are what people type for a kind beside the names in its CRD.
var aliases = map[string]string{"runs": "flowruns", "bindings": "flowbindings", "fleets": "agentfleets", "flows": "agentflows"}

// findResource accepts plural, singular, kind and short names, in any case and
// with the group behind them (triggers.aof.dev).
func findResource(name string) (resource, error) {
	all, err := resources()
	if err != nil {
		return resource{}, err
	}
	wanted := strings.ToLower(name)
	wanted = strings.TrimSuffix(wanted, ".aof.dev")
	if plural, ok := aliases[wanted]; ok {
		wanted = plural
	}
	var known []string
	for _, r := range all {
		if slices.Contains(r.names(), wanted) {
			return r, nil
		}
		known = append(known, r.Plural)
	}
	return resource{}, badInput("no kind is called %q; there are %s", name, strings.Join(known, ", "))
}
