// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/cli/remote"
)

// reading holds the flags of the commands that show objects.
type reading struct {
	target
	output    string
	noHeaders bool
}

func newGetCommand(env *Env) *cobra.Command {
	o := &reading{}
	cmd := &cobra.Command{
		Use:   "get KIND [NAME...]",
		Short: "List runs, bindings, triggers and the other kinds",
		Long:  `Shows objects of one kind as kubectl does, with the columns of its CRD.`,
		Example: `  aof get runs
  aof get bindings -n quickstart
  aof get run web-triage-2f6c1 -o yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.get(cmd.Context(), env, args[0], args[1:])
		},
	}
	o.add(cmd, env)
	o.addAll(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "json, yaml, name or wide")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "leave out the line of headings")
	return cmd
}

func (o *reading) get(ctx context.Context, env *Env, kind string, names []string) error {
	r, err := findResource(kind)
	if err != nil {
		return err
	}
	items, err := o.fetch(ctx, r, names)
	if err != nil {
		return err
	}
	if o.output == "" || o.output == "wide" {
		if len(items) == 0 {
			fmt.Fprintf(env.Err, "No %s found%s.\n", r.Plural, inNamespace(o.namespace))
			return nil
		}
		return printTable(env.Out, r, items, tableOptions{
			AllNamespaces: o.namespace == "", Wide: o.output == "wide", NoHeaders: o.noHeaders, Now: env.Clock.Now(),
		})
	}
	if len(names) == 1 && len(items) == 1 {
		return printObjects(env.Out, o.output, r, items[0].Object, items)
	}
	return printList(env.Out, o.output, r, items)
}

// fetch asks for the named objects, or for all when no name is given. In a known
// namespace each is asked for by itself: a list may hold the newest runs only.
func (o *reading) fetch(ctx context.Context, r resource, names []string) ([]unstructured.Unstructured, error) {
	c, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	wanted := aofResource(r.Plural)
	if o.namespace == "" || len(names) == 0 {
		list, err := c.List(ctx, wanted, remote.Selection{Namespace: o.namespace})
		if err != nil {
			return nil, startable(err)
		}
		if len(names) == 0 {
			return list.Items, nil
		}
		return pick(r, list.Items, names)
	}
	items := make([]unstructured.Unstructured, 0, len(names))
	for _, name := range names {
		u, err := o.object(ctx, c, wanted, o.namespace, name)
		if err != nil {
			return nil, err
		}
		items = append(items, *u)
	}
	return pick(r, items, names)
}

// pick keeps the objects that were asked for by name, in that order.
func pick(r resource, items []unstructured.Unstructured, names []string) ([]unstructured.Unstructured, error) {
	var out []unstructured.Unstructured
	known := make([]string, 0, len(items))
	for i := range items {
		known = append(known, items[i].GetName())
	}
	for _, name := range names {
		found := false
		for _, item := range items {
			if name != "" && item.GetName() == name {
				out = append(out, item)
				found = true
			}
		}
		if !found {
			return nil, failed("%s %q not found%s", r.Plural, name, didYouMean(name, known))
		}
	}
	return out, nil
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// printObjects writes object in a machine's format; items are what it is made
// of, for -o name.
func printObjects(w io.Writer, format string, r resource, object map[string]any, items []unstructured.Unstructured) error {
	switch format {
	case "json":
		return printJSON(w, object)
	case "yaml":
		return printYAML(w, object)
	case "name":
		for i := range items {
			fmt.Fprintf(w, "%s.aof.dev/%s\n", r.Singular, items[i].GetName())
		}
		return nil
	default:
		return badInput("-o %s: want json, yaml, name or wide", format)
	}
}

func printJSON(w io.Writer, object any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "    ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object); err != nil {
		return err
	}
	_, err := w.Write(escaped(b.Bytes()))
	return err
}

func printYAML(w io.Writer, object any) error {
	raw, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}
