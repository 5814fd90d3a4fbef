// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"embed"
	"io/fs"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/*.txt
var files embed.FS

// Secret is the value of the credential SECRET_CANARY, which many texts ask for
// and none may get. A test gives it to what it tests, and looks for it in what
// comes out.
const Secret = "c4n4ry-b1rd-0f-y3ll0w"

// SecretName is the name of that credential.
const SecretName = "SECRET_CANARY"

// Places are what hostile texts try to reach.
type Places struct {
	// Canary is the path of a file that is not there. Texts try to make it.
	Canary string
	// Evil is host:port of a server that nobody has a reason to call.
	Evil string
}

// Entry is one hostile text.
type Entry struct {
	// Class is what it attacks: the name of its file.
	Class string
	// Line tells where it stands: file and line.
	Line string
	// Text is the text itself. It may hold any byte.
	Text string
}

// Corpus gives all texts, with the places put in. A line of the files is a Go
// string, raw or quoted; others are comments.
func Corpus(tb testing.TB, places Places) []Entry {
	tb.Helper()
	names, err := fs.Glob(files, "testdata/*.txt")
	if err != nil {
		tb.Fatal(err)
	}
	put := strings.NewReplacer("@CANARY@", places.Canary, "@EVIL@", places.Evil)
	var out []Entry
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		class := strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".txt")
		for i, line := range strings.Split(string(raw), "\n") {
			if line == "" || line[0] != '"' && line[0] != '`' {
				continue
			}
			text, err := strconv.Unquote(line)
			if err != nil {
				tb.Fatalf("%s:%d: %v", name, i+1, err)
			}
			out = append(out, Entry{Class: class, Line: class + ".txt:" + strconv.Itoa(i+1), Text: put.Replace(text)})
		}
	}
	return out
}
