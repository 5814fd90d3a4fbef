// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must have been left alone before they are read:
// editors and git write them in several steps.
const settle = 200 * time.Millisecond

// follow reloads the composition when its files change.
func (s *Server) follow(ctx context.Context) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Warn("files are not followed, restart after a change", "error", err)
		return
	}
	defer func() { _ = watcher.Close() }()
	s.watchFolders(watcher)
	timer := s.settings.Clock.NewTimer(settle)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case change, ok := <-watcher.Events:
			if !ok {
				return
			}
			if !change.Has(fsnotify.Chmod) && manifestFile(change.Name) {
				timer.Reset(settle)
			}
		case err, ok := <-watcher.Errors:
			if !ok {
				return
			}
			s.log.Warn("following files", "error", err)
		case <-timer.C():
			s.watchFolders(watcher) // new folders
			if err := s.Reload(ctx); err != nil {
				s.log.Error("the files have errors, what was loaded before is still served", "error", err)
				continue
			}
			s.log.Info("reloaded")
		}
	}
}

// manifestFile says whether a file may hold objects: the ledger may lie in the
// same folder, and its changes are none of ours.
func manifestFile(name string) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json", "": // "": a folder
		return true
	default:
		return false
	}
}

// watchFolders watches the folders of all files: a file that is replaced, as
// editors do, is another file.
func (s *Server) watchFolders(watcher *fsnotify.Watcher) {
	for _, path := range s.settings.Files {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if !info.IsDir() {
			_ = watcher.Add(filepath.Dir(path))
			continue
		}
		_ = filepath.WalkDir(path, func(sub string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				_ = watcher.Add(sub)
			}
			return nil
		})
	}
}
