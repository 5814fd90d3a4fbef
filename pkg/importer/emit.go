// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ambiguous matches plain text that YAML 1.1, and so kubectl, reads as a
// boolean, a number or a date, although the parser used here does not.
var ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[-+]?0[0-7_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?[0-9][0-9_]*\.?[0-9_]*|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$`)

// emit writes a tree as one YAML document that every reader takes the same way.
func emit(root *yaml.Node) ([]byte, error) {
	settle(root)
	stand := standIns(root)
	if stand == nil {
		return encode(root)
	}
	masked := clone(root)
	replaceText(masked, stand.in)
	data, err := encode(masked)
	return stand.out(data), err
}

func encode(root *yaml.Node) ([]byte, error) {
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

// standIn pairs characters with others to be written in their place.
type standIn struct{ there, back *strings.Replacer }

func (s *standIn) in(text string) string  { return s.there.Replace(text) }
func (s *standIn) out(data []byte) []byte { return []byte(s.back.Replace(string(data))) }

// standIns finds characters of a private range, which do not occur in a tree,
// for the ones beyond the first plane that do. The encoder takes those (every
// emoji) for unprintable and would turn whole texts into one escaped line.
func standIns(root *yaml.Node) *standIn {
	present := map[rune]bool{}
	walkPaths(root, "", func(node *yaml.Node, _ string) {
		for _, r := range node.Value + node.HeadComment + node.LineComment + node.FootComment {
			if r > 0xFFFF || isPrivate(r) {
				present[r] = true
			}
		}
	})
	var there, back []string
	free := rune(0xE000)
	for _, r := range slices.Sorted(maps.Keys(present)) {
		if isPrivate(r) {
			continue
		}
		for present[free] {
			free++
		}
		if !isPrivate(free) {
			return nil
		}
		there = append(there, string(r), string(free))
		back = append(back, string(free), string(r))
		free++
	}
	if len(there) == 0 {
		return nil
	}
	return &standIn{strings.NewReplacer(there...), strings.NewReplacer(back...)}
}

func isPrivate(r rune) bool { return r >= 0xE000 && r <= 0xF8FF }

func replaceText(node *yaml.Node, replace func(string) string) {
	if node.Kind == yaml.ScalarNode {
		node.Value = replace(node.Value)
	}
	node.HeadComment, node.LineComment, node.FootComment = replace(node.HeadComment), replace(node.LineComment), replace(node.FootComment)
	for _, c := range node.Content {
		replaceText(c, replace)
	}
}
