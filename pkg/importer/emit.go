// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// ambiguous matches plain text that YAML 1.1, and so kubectl, reads as a
// boolean, a number or a date, although the parser used here does not.
var ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[-+]?0[0-7_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?[0-9][0-9_]*\.?[0-9_]*|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$`)

// emit writes a tree as one YAML document that every reader takes the same way.
func emit(root *yaml.Node) ([]byte, error) {
	settle(root)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), nil
}

func settle(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Style == 0 {
		switch node.ShortTag() {
		case "!!timestamp":
			node.Tag, node.Style = "!!str", yaml.DoubleQuotedStyle
		case "!!str":
			if ambiguous.MatchString(node.Value) {
				node.Style = yaml.DoubleQuotedStyle
			}
		}
	}
	for _, c := range node.Content {
		settle(c)
	}
}
