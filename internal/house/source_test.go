// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a reader can hold in mind. Generated files are excepted; tests may have
// long tables, so only their files are bounded, and more generously.
const (
	maxFileLines     = 400
	maxTestFileLines = 800
	maxFuncLines     = 80
)

const header = "// Copyright The AOF Authors.\n// SPDX-License-Identifier: Apache-2.0\n"

type file struct {
	path      string // relative to the repository root, with slashes
	src       []byte
	syntax    *ast.File
	fset      *token.FileSet
	generated bool
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) lines() int { return bytes.Count(f.src, []byte("\n")) }

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	return dir
}

// goFiles gives every Go file of the product's module.
func goFiles(t *testing.T) []file {
	t.Helper()
	top := root(t)
	var files []file
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(top, path, d.Name())
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(rel), src, syntax, fset, ast.IsGenerated(syntax)})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files, "no Go files found below %s", top)
	return files
}

// skipDir leaves out hidden folders, test data and other modules.
func skipDir(top, path, name string) error {
	if path == top {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func TestEveryFileHasTheLicenceHeader(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if !f.generated {
			assert.True(t, bytes.HasPrefix(f.src, []byte(header)), "%s: does not begin with the two lines of hack/boilerplate.go.txt", f.path)
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	comments := map[string][]string{}
	for _, f := range goFiles(t) {
		dir := filepath.Dir(f.path)
		if f.test() || f.generated {
			continue
		}
		comments[dir] = append(comments[dir], nil...)
		if f.syntax.Doc != nil && !strings.HasPrefix(f.syntax.Doc.Text(), "Copyright") {
			comments[dir] = append(comments[dir], f.path)
		}
	}
	for dir, in := range comments {
		assert.Len(t, in, 1, "%s: wants exactly one package comment, has them in %v", dir, in)
	}
}

func TestFilesAndFunctionsFitAScreenful(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.generated {
			continue
		}
		limit := maxFileLines
		if f.test() {
			limit = maxTestFileLines
		}
		assert.LessOrEqual(t, f.lines(), limit, "%s is too long: split it by idea", f.path)
		if f.test() {
			continue
		}
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			length := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			assert.LessOrEqual(t, length, maxFuncLines, "%s: %s is too long: split it by idea", f.path, fn.Name.Name)
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		switch name := f.syntax.Name.Name; name {
		case "common", "util", "utils", "helpers", "misc", "shared":
			assert.Fail(t, "a name that says nothing", "%s: package %s", f.path, name)
		}
		switch base := filepath.Base(f.path); base {
		case "util.go", "utils.go", "helpers.go", "misc.go", "common.go", "types.go":
			assert.Fail(t, "a name that says nothing", "%s", f.path)
		}
	}
}
