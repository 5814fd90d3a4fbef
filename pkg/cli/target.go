// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"aof.dev/operator/pkg/cli/remote"
)

const (
	// defaultServer is where aof dev listens unless told otherwise.
	defaultServer = "http://127.0.0.1:8080"
	// probeTime is how long it may take to find out whether aof dev is there.
	probeTime = 2 * time.Second
)

// targetHelp tells the rule by which a verb finds what it works on.
const targetHelp = `
Where it works: on the aof dev of --server or AOF_SERVER if one is given; else, with
--kubeconfig, --context or another of kubectl's connection flags, or called as
kubectl aof, on a cluster; else on the aof dev that answers at 127.0.0.1:8080, and
without one on the cluster of your kubeconfig.`

// target is what a verb works on, as its flags say: aof dev or a cluster.
type target struct {
	env           *Env
	flags         *pflag.FlagSet
	server        string
	kubeconfig    remote.Kubeconfig
	namespace     string
	allNamespaces bool
}

// add adds the flags that say where to work.
func (t *target) add(cmd *cobra.Command, env *Env) {
	t.env, t.flags = env, cmd.Flags()
	t.flags.StringVar(&t.server, "server", env.Getenv("AOF_SERVER"), "work on the aof dev at this `URL` (env AOF_SERVER)")
	t.flags.StringVarP(&t.namespace, "namespace", "n", "", "`namespace` (default: the kubeconfig's; with aof dev all)")
	t.kubeconfig.AddFlags(t.flags)
	cmd.Long = orElse(strings.TrimRight(cmd.Long, "\n"), cmd.Short+".") + "\n" + targetHelp
}

// addAll adds the flag for all namespaces, for verbs that list.
func (t *target) addAll(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&t.allNamespaces, "all-namespaces", "A", false, "all namespaces")
	cmd.MarkFlagsMutuallyExclusive("namespace", "all-namespaces")
}

// open connects by the rule of targetHelp and settles the namespace.
func (t *target) open(ctx context.Context) (*remote.Client, error) {
	client, err := t.connect(ctx)
	if err != nil {
		return nil, startable(err)
	}
	if t.namespace == "" && !t.allNamespaces {
		t.namespace = client.Namespace()
	}
	return client, nil
}

func (t *target) connect(ctx context.Context) (*remote.Client, error) {
	given := t.kubeconfig.Given(t.flags)
	server := t.flags.Changed("server")
	switch {
	case server && given != "":
		return nil, badInput("--server names an aof dev and %s a cluster: give one of them", given)
	case server || (t.server != "" && given == "" && !t.env.plugin()):
		return remote.Dev(t.server, t.kubeconfig.As()), nil
	case given != "" || t.env.plugin():
		return t.cluster()
	}
	address := orElse(t.env.Server, defaultServer)
	dev := remote.Dev(address, t.kubeconfig.As())
	if t.answers(ctx, dev) {
		return dev, nil
	}
	client, err := t.cluster()
	if remote.IsNoKubeconfig(err) {
		return nil, badInput("no aof dev on %s and no kubeconfig\n     start one with `aof dev -f PATH` (or name it with --server or AOF_SERVER), or name a cluster with --kubeconfig or KUBECONFIG",
			strings.TrimPrefix(address, "http://"))
	}
	return client, err
}

// answers says whether a server is there and is an aof dev: others like its port too.
func (t *target) answers(ctx context.Context, dev *remote.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	list, err := dev.List(ctx, aofResource("contexts"), remote.Selection{})
	return err == nil && list != nil
}

func (t *target) cluster() (*remote.Client, error) {
	return t.kubeconfig.Open(t.env.Getenv, func(text string) {
		fmt.Fprintf(t.env.Err, "warning: %s\n", oneLine(text, 400))
	})
}

// aofResource is a kind of ours by its plural.
func aofResource(plural string) remote.Resource {
	return remote.Resource{Group: "aof.dev", Version: "v1", Plural: plural}
}

// flowRuns are the runs.
var flowRuns = aofResource("flowruns")

// startable gives an error of a server its exit code: nobody there means that
// nothing was begun, a refusal that it was.
func startable(err error) error {
	var exit *ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	var refused *remote.RefusedError
	if errors.As(err, &refused) {
		return &ExitError{Code: ExitFailed, Err: err}
	}
	return &ExitError{Code: ExitBadInput, Err: err}
}

// failed is an error of something that was begun.
func failed(format string, args ...any) error {
	return &ExitError{Code: ExitFailed, Err: fmt.Errorf(format, args...)}
}
