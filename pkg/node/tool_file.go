// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxFile is the number of bytes read of a file.
	maxFile = 1 << 20
	// maxEntries is how much of a directory is listed.
	maxEntries = 10_000
)

// file reads, writes or looks for files, if the policy of scripts allows it.
func (j *scriptJob) file(action string, args toolArgs) (map[string]any, error) {
	path, err := j.path(args)
	if err != nil {
		return nil, err
	}
	policy := j.runner.Policy()
	if allowed := action != "write" && policy.AllowRead || action == "write" && policy.AllowWrite; !allowed {
		return nil, fail("Denied", "files can't be used here")
	}
	at := path
	if !filepath.IsAbs(at) {
		at = filepath.Join(orElse(j.dir, policy.Dir), at)
	}
	switch action {
	case "read":
		content, truncated, err := readFile(at)
		out := map[string]any{"content": content, "path": path}
		if truncated {
			out["truncated"] = true
		}
		return toolOutput(out), err
	case "exists":
		_, err := os.Stat(at)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return nil, fileError(err)
		}
		return toolOutput(map[string]any{"exists": err == nil, "path": path}), nil
	case "list":
		entries, err := listDir(at)
		return toolOutput(map[string]any{"entries": entries, "path": path, "count": len(entries)}), err
	case "write":
		content, err := args.string("content", "data", "text")
		if err != nil {
			return nil, err
		}
		appends, err := args.bool(false, "append")
		if err != nil {
			return nil, err
		}
		if err := j.permit(fileAction(at, content, appends)); err != nil {
			return nil, err
		}
		return toolOutput(map[string]any{"path": path, "bytes": len(content)}), writeFile(at, content, appends)
	default:
		return nil, noAction("file", action, "read", "write", "exists", "list")
	}
}

// path renders where the file is. No value in it leads up and out of what the
// author wrote.
func (j *scriptJob) path(args toolArgs) (string, error) {
	src, _ := args.values["path"].(string)
	path, err := args.text(src)
	switch {
	case err != nil:
		return "", at("path", err)
	case path == "":
		return "", fail(ReasonInvalidConfig, "args: path is needed")
	case strings.ContainsRune(path, 0), parents(path) > parents(src):
		return "", fail(ReasonRefused, "args.path: a value would lead out of the directory")
	}
	return path, nil
}

// parents counts the steps up.
func parents(path string) int {
	n := 0
	for step := range strings.SplitSeq(path, "/") {
		if step == ".." {
			n++
		}
	}
	return n
}

func readFile(path string) (content string, truncated bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false, fileError(err)
	}
	if !info.Mode().IsRegular() {
		return "", false, fail(ReasonFile, "not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false, fileError(err)
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", false, fileError(err)
	}
	if len(data) > maxFile {
		data, truncated = data[:maxFile], true
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), truncated, nil
}

func writeFile(path, content string, appends bool) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fail(ReasonFile, "not a regular file")
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if appends {
		how = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	f, err := os.OpenFile(path, how, 0o600)
	if err != nil {
		return fileError(err)
	}
	_, err = io.WriteString(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fileError(err)
	}
	return nil
}

func listDir(path string) ([]any, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, fileError(err)
	}
	defer dir.Close() //nolint:errcheck // only read
	list, err := dir.ReadDir(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fileError(err)
	}
	entries := make([]any, len(list))
	for i, entry := range list {
		kind := "file"
		switch {
		case entry.IsDir():
			kind = "directory"
		case !entry.Type().IsRegular():
			kind = "other"
		}
		entries[i] = map[string]any{"name": entry.Name(), "type": kind}
	}
	return entries, nil
}

// fileError says what went wrong without the path: that may hold a value.
func fileError(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return fail(ReasonFile, "%s: %v", e.Op, e.Err).because(e.Err)
	}
	return fail(ReasonFile, "the file can't be used").because(err)
}
