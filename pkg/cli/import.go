// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"aof.dev/operator/pkg/importer"
	"aof.dev/operator/pkg/manifest"
)

func newImportCommand(env *Env) *cobra.Command {
	var files []string
	var dir string
	var force bool
	cmd := &cobra.Command{
		Use:   "import -f PATH... [-o DIR]",
		Short: "Turn upstream's files into AOF objects",
		Long: `Reads the files of the upstream project in any form they ever took (kinds
Binding, Fleet and DaemonConfig, references by path, flat files, Lists, older
apiVersions, commands on Triggers, system_prompt, tools as text) and writes the
kinds of this project. Files that are in our form already pass unchanged.

Nothing is lost without a word: what was changed, what has no counterpart and
what was refused is named with file, line and field, on standard error.

Without -o everything is printed as one YAML stream. With -o each object gets a
file KIND-NAME.yaml in the directory; a file that is there with other content
is only replaced with --force.

Exit code 0 when everything was imported, 1 when something was refused (the
rest is written all the same), 2 when the input could not be read.`,
		Example: `  aof import -f ./examples > aof.yaml
  aof import -f ./examples -o ./aof-resources && aof validate -f ./aof-resources`,
		RunE: func(_ *cobra.Command, args []string) error {
			return runImport(env, append(files, args...), dir, force)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file, directory or - for standard input; may be repeated")
	cmd.Flags().StringVarP(&dir, "output-dir", "o", "", "write one file per object into this directory")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that differ")
	return cmd
}

func runImport(env *Env, paths []string, dir string, force bool) error {
	if len(paths) == 0 {
		return badInput("which files? Name them with -f")
	}
	result, unreadable := importer.Import(paths, manifest.Options{Stdin: env.In})
	for _, note := range result.Notes {
		fmt.Fprintln(env.Err, note)
	}
	var failed error
	if dir == "" {
		if _, err := env.Out.Write(result.YAML()); err != nil {
			return fmt.Errorf("write the objects: %w", err)
		}
	} else {
		failed = writeObjects(env.Out, dir, result.Objects, force)
	}
	fmt.Fprintln(env.Err, importSummary(result))
	switch {
	case unreadable != nil:
		return &ExitError{Code: ExitBadInput, Err: unreadable}
	case failed != nil:
		return &ExitError{Code: ExitFailed, Err: failed}
	case result.Refused():
		return &ExitError{Code: ExitFailed}
	case len(result.Objects) == 0:
		return badInput("nothing to import in %s", strings.Join(paths, ", "))
	}
	return nil
}

func importSummary(result importer.Result) string {
	levels := map[importer.Level]int{}
	for _, n := range result.Notes {
		levels[n.Level]++
	}
	parts := []string{quantity(len(result.Objects), "object") + " imported"}
	for _, level := range []importer.Level{importer.Changed, importer.Dropped, importer.Refused, importer.Skipped} {
		if levels[level] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", levels[level], level))
		}
	}
	return strings.Join(parts, ", ")
}

// writeObjects writes each object into its file; one that cannot be written
// keeps no other from being.
func writeObjects(out io.Writer, dir string, objects []importer.Out, force bool) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	var failed []error
	taken := map[string]bool{}
	for _, o := range objects {
		name := strings.ToLower(o.Kind) + "-" + o.Name
		if taken[name] {
			name += "." + o.Namespace
		}
		taken[name] = true
		path := filepath.Join(dir, name+".yaml")
		verdict, err := writeObject(path, o.YAML, force)
		if err != nil {
			failed = append(failed, err)
			verdict = "failed"
		}
		fmt.Fprintf(out, "%-9s  %s\n", verdict, path)
	}
	return errors.Join(failed...)
}

func writeObject(path string, data []byte, force bool) (string, error) {
	verdict := "written"
	switch old, err := os.ReadFile(path); {
	case err == nil && bytes.Equal(old, data):
		return "unchanged", nil
	case err == nil && !force:
		return "", fmt.Errorf("%s is there with other content: --force replaces it", path)
	case err == nil:
		verdict = "replaced"
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("look at the file: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("write the object: %w", err)
	}
	return verdict, nil
}
