// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// jsonReader builds the same trees from JSON that the YAML parser builds, with
// lines and with repeated keys kept, so that one set of checks serves both.
type jsonReader struct {
	data    []byte
	decoder *json.Decoder
	counted int // bytes whose line ends are in line already
	line    int
}

// parseJSON reads one or more JSON values; on an error also the line.
func parseJSON(data []byte) (roots []*yaml.Node, line int, err error) {
	r := &jsonReader{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}
	r.decoder.UseNumber()
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			return roots, 0, nil
		}
		if err != nil {
			return roots, r.here(), err
		}
		root, err := r.value(token, 0)
		if err != nil {
			return roots, r.here(), err
		}
		roots = append(roots, root)
	}
}

// here is the line of the token read last. Tokens never span lines.
func (r *jsonReader) here() int {
	offset := min(int(r.decoder.InputOffset()), len(r.data))
	r.line += bytes.Count(r.data[r.counted:offset], []byte("\n"))
	r.counted = offset
	return r.line
}

func (r *jsonReader) value(token json.Token, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.here(), Column: 1}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			node.Kind, node.Tag = yaml.MappingNode, "!!map"
		} else {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		return node, r.collection(node, depth)
	case string:
		node.Tag, node.Value, node.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = "!!int", t.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(t)
	case nil:
		node.Tag, node.Value = "!!null", "null"
	default:
		return nil, fmt.Errorf("unexpected token %T", token)
	}
	return node, nil
}

func (r *jsonReader) collection(node *yaml.Node, depth int) error {
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			return nil
		}
		child, err := r.value(token, depth+1)
		if err != nil {
			return err
		}
		node.Content = append(node.Content, child)
	}
}
