// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package knative

import (
	"fmt"
	"maps"

	"sigs.k8s.io/yaml"
)

// settings are the keys of Knative's ConfigMaps that differ from the release.
var settings = map[string]map[string]any{
	"config-network":    {"ingress-class": "kingress.ingress.networking.knative.dev"},
	"config-domain":     {"example.com": ""},
	"config-autoscaler": {"stable-window": "6s", "scale-to-zero-grace-period": "5s", "scale-to-zero-pod-retention-period": "0s"},
}

// fitAll leaves out what a one-node cluster has no use for and fits the rest to it.
func fitAll(docs []document) ([]document, error) {
	var fitted []document
	for _, d := range docs {
		change := map[string]func(object){"Deployment": fitDeployment, "StatefulSet": fitDeployment, "ConfigMap": fitConfigMap}[d.kind]
		switch {
		case d.kind == "HorizontalPodAutoscaler", d.kind == "PodDisruptionBudget", d.kind == "Image":
			continue
		case change != nil:
			var o object
			if err := yaml.Unmarshal([]byte(d.text), &o); err != nil {
				return nil, fmt.Errorf("reading a %s: %w", d.kind, err)
			}
			change(o)
			b, err := yaml.Marshal(o)
			if err != nil {
				return nil, err
			}
			d.text = string(b)
		}
		fitted = append(fitted, d)
	}
	return fitted, nil
}

// object is a Kubernetes object, or a part of one.
type object map[string]any

// at follows field names down; what is not there is empty.
func (o object) at(fields ...string) object {
	for _, f := range fields {
		next, _ := o[f].(map[string]any)
		o = next
	}
	return o
}

func fitConfigMap(o object) {
	name, _ := o.at("metadata")["name"].(string)
	if values := settings[name]; values != nil {
		data := map[string]any{}
		maps.Copy(data, o.at("data"))
		maps.Copy(data, values)
		o["data"] = data
	}
}

// fitDeployment drops the CPU requests and limits, whose sum is most of two processors, and probes for readiness every
// second, without which the installation takes 90 s.
func fitDeployment(o object) {
	containers, _ := o.at("spec", "template", "spec")["containers"].([]any)
	for _, each := range containers {
		fields, _ := each.(map[string]any)
		c := object(fields)
		delete(c.at("resources", "requests"), "cpu")
		delete(c.at("resources", "limits"), "cpu")
		if probe := c.at("readinessProbe"); probe != nil {
			probe["periodSeconds"] = 1
			delete(probe, "initialDelaySeconds")
		}
	}
}
