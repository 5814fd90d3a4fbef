// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Kubeconfig are the flags by which a user names a cluster, with the names that
// kubectl has for them. --server is not among them: it names an aof dev.
type Kubeconfig struct {
	path      string
	overrides clientcmd.ConfigOverrides
	names     []string
}

// AddFlags adds the flags. Those that few people need work and stay out of the
// help text.
func (k *Kubeconfig) AddFlags(flags *pflag.FlagSet) {
	before := map[string]bool{}
	flags.VisitAll(func(f *pflag.Flag) { before[f.Name] = true })
	flags.StringVar(&k.path, "kubeconfig", "", "work on a cluster of this kubeconfig `file`")
	wanted := clientcmd.RecommendedConfigOverrideFlags("")
	wanted.ContextOverrideFlags.Namespace = clientcmd.FlagInfo{}
	wanted.ClusterOverrideFlags.APIServer = clientcmd.FlagInfo{}
	wanted.CurrentContext.Description = "work on the cluster of this kubeconfig `context`"
	wanted.AuthOverrideFlags.Impersonate.Description = "work as this `user`"
	clientcmd.BindOverrideFlags(&k.overrides, flags, wanted)
	flags.VisitAll(func(f *pflag.Flag) {
		if before[f.Name] {
			return
		}
		if f.Name == clientcmd.FlagImpersonate { // it says who, not where
			return
		}
		k.names = append(k.names, f.Name)
		f.Hidden = f.Name != "kubeconfig" && f.Name != clientcmd.FlagContext
	})
}

// Given says which of the flags that name a cluster was set, empty when none was.
func (k *Kubeconfig) Given(flags *pflag.FlagSet) string {
	for _, name := range k.names {
		if flags.Changed(name) {
			return "--" + name
		}
	}
	return ""
}

// As is who to work as, empty when the user did not say.
func (k *Kubeconfig) As() string { return k.overrides.AuthInfo.Impersonate }

// noKubeconfigError says that there is nothing to read about any cluster.
type noKubeconfigError struct{ err error }

func (e *noKubeconfigError) Error() string { return "no kubeconfig: " + e.err.Error() }
func (e *noKubeconfigError) Unwrap() error { return e.err }

// IsNoKubeconfig says whether an error of Open means that there is no kubeconfig.
func IsNoKubeconfig(err error) bool {
	_, ok := err.(*noKubeconfigError) //nolint:errorlint // it comes from Open and nobody wraps it
	return ok
}

// Open gives a client of the cluster that the flags name, else of the current
// context of the kubeconfig: the files in $KUBECONFIG, else ~/.kube/config, else,
// in a pod, its service account. Warn is told what the server warns of.
func (k *Kubeconfig) Open(getenv func(string) string, warn func(text string)) (*Client, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: k.path, WarnIfAllMissing: false}
	if files := getenv(clientcmd.RecommendedConfigPathEnvVar); files != "" {
		rules.Precedence = filepath.SplitList(files)
	} else if home := getenv("HOME"); home != "" {
		rules.Precedence = []string{filepath.Join(home, clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)}
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &k.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		if clientcmd.IsEmptyConfig(err) {
			return nil, &noKubeconfigError{err}
		}
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	where := "this pod"
	if raw, err := loader.RawConfig(); err == nil {
		if name := k.overrides.CurrentContext; name != "" {
			where = "context " + name
		} else if raw.CurrentContext != "" {
			where = "context " + raw.CurrentContext
		}
	}
	return cluster(config, where, namespace, warn)
}

func cluster(config *rest.Config, where, namespace string, warn func(string)) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "aof"
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return &Client{base: strings.TrimRight(base.String(), "/"), http: client, where: where, namespace: namespace, warn: warn}, nil
}
