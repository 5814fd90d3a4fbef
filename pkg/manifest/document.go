// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is one document of a file as a plain tree: mappings, sequences and
// scalars only, aliases and merge keys written out, every key a scalar and
// present once, every line counted from the start of the file. Comments stay
// with what they stand at.
type Document struct {
	File string
	Line int
	Root *yaml.Node
}

// Read parses the files under paths (as Load finds them) into documents without
// asking what they hold. Empty documents are left out; a document that cannot
// be parsed, or that writes a key twice, is a problem and is left out too.
func Read(paths []string, opts Options) ([]*Document, []Problem) {
	sources, problems := collect(paths, opts)
	var docs []*Document
	for _, src := range sources {
		found, wrong := parse(src.name, src.data)
		docs = append(docs, found...)
		problems = append(problems, wrong...)
	}
	return docs, Sort(problems)
}

// Parse reads the documents of one file whose bytes are at hand. File is the
// name shown in problems.
func Parse(file string, data []byte) ([]*Document, []Problem) {
	docs, problems := parse(file, data)
	return docs, Sort(problems)
}

func parse(file string, data []byte) ([]*Document, []Problem) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	roots, problems := parseRoots(file, data)
	var docs []*Document
	for _, root := range roots {
		plain, wrong := flatten(root)
		if len(wrong) > 0 {
			kind, name := identify(root)
			for _, w := range wrong {
				problems = append(problems, Problem{
					File: file, Line: w.line, Kind: kind, Name: name, Field: w.path, Message: oneLine(w.message),
					ObjectLine: max(root.Line, 1),
				})
			}
			continue
		}
		if plain.Kind == yaml.ScalarNode && plain.ShortTag() == "!!null" {
			continue
		}
		docs = append(docs, &Document{File: file, Line: max(plain.Line, 1), Root: plain})
	}
	return docs, problems
}

// parseRoots gives the raw top node of every document. JSON is read by a JSON
// parser: its escapes and tabs are not all YAML.
func parseRoots(file string, data []byte) ([]*yaml.Node, []Problem) {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		roots, line, err := parseJSON(data)
		if err == nil {
			return roots, nil
		}
		if strings.HasSuffix(strings.ToLower(file), ".json") {
			return roots, []Problem{{File: file, Line: line, Message: oneLine("not valid JSON: " + err.Error())}}
		}
	}
	var roots []*yaml.Node
	var problems []Problem
	for _, chunk := range split(data) {
		found, line, err := parseYAML(chunk.data)
		for _, root := range found {
			shiftLines(root, chunk.line)
			roots = append(roots, root)
		}
		if err != nil {
			problems = append(problems, Problem{
				File: file, Line: chunk.line + max(line, 1), Message: oneLine("not valid YAML: " + err.Error()),
			})
		}
	}
	return roots, problems
}

// chunk is the part of a file from one "---" line to the next.
type chunk struct {
	data []byte
	line int // how many lines stand before it
}

// split cuts a stream at its document markers, so that one broken document
// does not hide those after it. No YAML value can hold such a line.
func split(data []byte) []chunk {
	var chunks []chunk
	start, startLine, line := 0, 0, 0
	for at := 0; at < len(data); line++ {
		if at > start && isMarker(data[at:]) {
			chunks = append(chunks, chunk{data: data[start:at], line: startLine})
			start, startLine = at, line
		}
		end := bytes.IndexByte(data[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return append(chunks, chunk{data: data[start:], line: startLine})
}

func isMarker(rest []byte) bool {
	if !bytes.HasPrefix(rest, []byte("---")) {
		return false
	}
	return len(rest) == 3 || bytes.IndexByte([]byte(" \t\r\n"), rest[3]) >= 0
}

// parseYAML reads the documents of one chunk; on an error also the line in it.
func parseYAML(data []byte) (roots []*yaml.Node, line int, err error) {
	// The parser reports errors by panicking inside and recovers its own kind
	// only: anything else on hostile input must stay an error as well.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return roots, 0, nil
		}
		if err != nil {
			line, message := yamlError(err)
			return roots, line, errors.New(message)
		}
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
			root := node.Content[0]
			if root.HeadComment == "" {
				root.HeadComment = node.HeadComment
			}
			roots = append(roots, root)
		}
	}
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// offByOne matches the messages of the parser proper, which counts lines from 0
	// where its scanner counts from 1.
	offByOne = regexp.MustCompile(`^did not find expected (<document start>|<stream-start>|node content|'-' indicator|key|',' or)`)
)

// yamlError takes the line out of the parser's message.
func yamlError(err error) (line int, message string) {
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // no number leaves 0: the line is unknown
	}
	if offByOne.MatchString(text) {
		line++
	}
	return line, text
}

func shiftLines(node *yaml.Node, by int) {
	if by == 0 {
		return
	}
	node.Line += by
	for _, child := range node.Content {
		shiftLines(child, by)
	}
}

// identify finds what a document calls itself, for messages about documents
// that cannot be read further.
func identify(root *yaml.Node) (kind, name string) {
	if k := Child(root, "kind"); k != nil && k.Kind == yaml.ScalarNode {
		kind = clip(k.Value, 63)
	}
	if n := Child(Child(root, "metadata"), "name"); n != nil && n.Kind == yaml.ScalarNode {
		name = clip(n.Value, 253)
	}
	return oneLine(kind), oneLine(name)
}

// Child gives the value of a key of a mapping, or nil: also for nil, for what
// is no mapping and for a key that is not there.
func Child(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
