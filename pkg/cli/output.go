// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"aof.dev/operator/pkg/cli/remote"
)

// configMaps hold plans, among others.
var configMaps = remote.Resource{Version: "v1", Plural: "configmaps"}

// addOutput adds -o to a verb that changes or makes a run: for machines it prints
// the run as it is then.
func addOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "print the run as json, yaml or name")
}

func checkOutput(output string) error {
	if !slices.Contains([]string{"", "json", "yaml", "name"}, output) {
		return badInput("-o %s: want json, yaml or name", output)
	}
	return nil
}

// printRun writes one run in a machine's format.
func printRun(env *Env, format string, u *unstructured.Unstructured) error {
	r, err := findResource(flowRuns.Plural)
	if err != nil {
		return err
	}
	return printObjects(env.Out, format, r, u.Object, []unstructured.Unstructured{*u})
}

// completeRuns completes the names of runs in a shell.
func (t *target) completeRuns(env *Env) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := t.open(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		list, err := c.List(cmd.Context(), flowRuns, remote.Selection{Namespace: t.namespace})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		newestFirst(list.Items)
		var out []string
		for _, u := range noted(list.Items, env.Clock.Now()) {
			note, _, _ := unstructured.NestedString(u.Object, "note")
			out = append(out, cobra.CompletionWithDesc(u.GetName(), string(phaseOf(u))+" "+note))
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
