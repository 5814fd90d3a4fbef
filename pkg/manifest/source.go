// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdinName stands for standard input where a path is shown.
const stdinName = "<stdin>"

// source is one file's bytes and the name it is shown by.
type source struct {
	name string
	data []byte
}

// collector gathers sources from paths within the bounds of its options.
type collector struct {
	opts     Options
	seen     map[string]bool
	sources  []source
	problems []Problem
}

func (o Options) withDefaults() Options {
	o.MaxFileBytes = cmp.Or(o.MaxFileBytes, DefaultMaxFileBytes)
	o.MaxFiles = cmp.Or(o.MaxFiles, DefaultMaxFiles)
	return o
}

// collect reads every file the paths lead to, each once.
func collect(paths []string, opts Options) ([]source, []Problem) {
	c := &collector{opts: opts.withDefaults(), seen: map[string]bool{}}
	for _, path := range paths {
		c.path(path)
	}
	return c.sources, c.problems
}

func (c *collector) path(path string) {
	if path == "-" {
		c.stdin()
		return
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		c.unreadable(path, err)
	case info.IsDir():
		c.directory(path)
	default:
		c.file(path)
	}
}

func (c *collector) stdin() {
	if c.seen["-"] {
		return
	}
	c.seen["-"] = true
	if c.opts.Stdin == nil {
		c.unreadable(stdinName, errors.New("there is no standard input to read"))
		return
	}
	c.read(stdinName, c.opts.Stdin)
}

// directory reads the manifests below dir in sorted order. Links to files are
// followed (mounted ConfigMaps are such links), links to directories are not,
// so that the walk always ends.
func (c *collector) directory(dir string) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			c.unreadable(path, err)
			return nil
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != dir
		switch {
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden || !isManifest(path):
			return nil
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		c.unreadable(dir, err)
	}
	slices.Sort(found)
	for _, path := range found {
		c.file(path)
	}
}

func isManifest(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func (c *collector) file(path string) {
	clean := filepath.Clean(path)
	if c.seen[clean] {
		return
	}
	c.seen[clean] = true
	file, err := os.Open(clean)
	if err != nil {
		c.unreadable(path, err)
		return
	}
	defer file.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	c.read(path, file)
}

func (c *collector) read(name string, from io.Reader) {
	if len(c.sources) >= c.opts.MaxFiles {
		// Said once: the paths after the bound add nothing to it.
		if len(c.sources) == c.opts.MaxFiles && !c.seen["\x00too many"] {
			c.seen["\x00too many"] = true
			c.unreadable(name, fmt.Errorf("more than %d files: not read", c.opts.MaxFiles))
		}
		return
	}
	data, err := io.ReadAll(io.LimitReader(from, c.opts.MaxFileBytes+1))
	if err != nil {
		c.unreadable(name, err)
		return
	}
	if int64(len(data)) > c.opts.MaxFileBytes {
		c.unreadable(name, fmt.Errorf("larger than %d bytes: not read", c.opts.MaxFileBytes))
		return
	}
	c.sources = append(c.sources, source{name: name, data: data})
}

func (c *collector) unreadable(name string, err error) {
	// The path stands in front of the message already.
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	c.problems = append(c.problems, Problem{File: name, Message: oneLine(err.Error()), Unreadable: true})
}
