// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/manifest"
)

func newValidateCommand(env *Env) *cobra.Command {
	var files []string
	var output string
	cmd := &cobra.Command{
		Use:   "validate -f PATH...",
		Short: "Check AOF objects in files, strictly",
		Long: `Checks every AOF object under the paths: files, directories (recursively:
*.yaml, *.yml, *.json) and - for standard input. Unknown fields, keys written
twice and wrong types are errors, as is whatever the object's own validation
refuses. References to objects that are not among the files are warnings.

Exit code 0 when all objects are valid, 1 when one is not, 2 when the input
could not be read or holds no AOF object.`,
		Example: `  aof validate -f ./aof-resources/
  helm template . | aof validate -f - -o json`,
		RunE: func(_ *cobra.Command, args []string) error {
			return runValidate(env, append(files, args...), output)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file, directory or - for standard input; may be repeated")
	cmd.Flags().StringVarP(&output, "output", "o", "", "print the findings as json or yaml")
	return cmd
}

// checkedObject is one line of the report.
type checkedObject struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Valid     bool   `json:"valid"`
}

// validation is the whole report.
type validation struct {
	Objects  []checkedObject    `json:"objects"`
	Problems []manifest.Problem `json:"problems"`
	Valid    int                `json:"valid"`
	Invalid  int                `json:"invalid"`
	Warnings int                `json:"warnings"`
	Skipped  int                `json:"skipped"`
}

func runValidate(env *Env, paths []string, output string) error {
	if len(paths) == 0 {
		return badInput("which files? Name them with -f")
	}
	write, err := reportWriter(output)
	if err != nil {
		return err
	}
	objects, problems := manifest.Load(paths, manifest.Options{Stdin: env.In})
	problems = manifest.Sort(append(problems, manifest.Validate(objects)...))
	report := makeValidation(objects, problems)
	if write != nil {
		err = write(env.Out, report)
	} else {
		printValidation(env.Out, report)
	}
	if err != nil {
		return err
	}
	return report.outcome(paths)
}

// makeValidation gives every object its verdict; objects that could not be read
// at all are known from their problems only.
func makeValidation(objects []*manifest.Object, problems []manifest.Problem) validation {
	report := validation{Objects: []checkedObject{}, Problems: problems}
	type place struct {
		file string
		line int
	}
	at := map[place]int{}
	for _, o := range objects {
		at[place{o.File, o.Line}] = len(report.Objects)
		report.Objects = append(report.Objects, checkedObject{o.Kind, o.Namespace, o.Name, o.File, o.Line, true})
	}
	for _, p := range problems {
		switch {
		case p.Level == manifest.LevelWarning:
			report.Warnings++
			continue
		case p.Level == manifest.LevelSkipped:
			report.Skipped++
			continue
		case p.ObjectLine == 0:
			continue
		}
		where := place{p.File, p.ObjectLine}
		if i, known := at[where]; known {
			report.Objects[i].Valid = false
			continue
		}
		at[where] = len(report.Objects)
		report.Objects = append(report.Objects, checkedObject{Kind: p.Kind, Name: p.Name, File: p.File, Line: p.ObjectLine})
	}
	slices.SortStableFunc(report.Objects, func(a, b checkedObject) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	for _, o := range report.Objects {
		if o.Valid {
			report.Valid++
		} else {
			report.Invalid++
		}
	}
	return report
}

func printValidation(out io.Writer, report validation) {
	width := 0
	for _, o := range report.Objects {
		width = max(width, len(o.title()))
	}
	for _, o := range report.Objects {
		verdict := "ok  "
		if !o.Valid {
			verdict = "FAIL"
		}
		fmt.Fprintf(out, "%s %-*s  %s:%d\n", verdict, width, o.title(), o.File, o.Line)
	}
	for i, p := range report.Problems {
		if i == 0 && len(report.Objects) > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out, p)
	}
	if len(report.Objects) > 0 {
		fmt.Fprintf(out, "\n%s\n", report.summary())
	}
}

func (o checkedObject) title() string {
	title := cmp.Or(o.Kind, "object")
	if o.Name != "" {
		title += "/" + o.Name
	}
	if o.Namespace != "" {
		title += " -n " + o.Namespace
	}
	return title
}

func (v validation) summary() string {
	parts := []string{fmt.Sprintf("%s: %d valid, %d invalid", quantity(len(v.Objects), "object"), v.Valid, v.Invalid)}
	if v.Warnings > 0 {
		parts = append(parts, quantity(v.Warnings, "warning"))
	}
	if v.Skipped > 0 {
		parts = append(parts, quantity(v.Skipped, "document")+" skipped")
	}
	return strings.Join(parts, ", ")
}

// quantity gives "1 object" and "2 objects".
func quantity(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// outcome is the exit code: everything has been printed already.
func (v validation) outcome(paths []string) error {
	unreadable := slices.ContainsFunc(v.Problems, func(p manifest.Problem) bool { return p.Unreadable })
	switch {
	case unreadable:
		return &ExitError{Code: ExitBadInput, Err: errors.New("not everything could be read")}
	case len(manifest.Errors(v.Problems)) > 0:
		return &ExitError{Code: ExitFailed}
	case len(v.Objects) == 0:
		return badInput("no AOF object in %s", strings.Join(paths, ", "))
	}
	return nil
}

// reportWriter gives the writer for -o, or nil for plain lines.
func reportWriter(format string) (func(io.Writer, any) error, error) {
	switch format {
	case "":
		return nil, nil //nolint:nilnil // no format is no writer, which is not an error
	case "json":
		return func(out io.Writer, report any) error {
			encoder := json.NewEncoder(out)
			encoder.SetIndent("", "  ")
			return encoder.Encode(report)
		}, nil
	case "yaml":
		return func(out io.Writer, report any) error {
			data, err := yaml.Marshal(report)
			if err == nil {
				_, err = out.Write(data)
			}
			return err
		}, nil
	}
	return nil, badInput("-o %s: want json or yaml", format)
}
