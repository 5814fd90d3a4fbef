// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const module = "aof.dev/operator/"

// law says what the non-test files of a package (and of packages below it,
// unless they have their own entry) may import. Paths of our own are written
// without the module; "std" is the standard library. An entry ending in "/..."
// allows everything below it.
var law = map[string][]string{
	// The pure core: decisions over data, nothing else.
	"pkg/expr":   {"std", "github.com/expr-lang/expr/..."},
	"pkg/match":  {"std"},
	"pkg/flow":   {"std", "pkg/expr"},
	"pkg/fleet":  {"std"},
	"pkg/dedupe": {"std", "pkg/expr"},

	// The kinds. Validation is compilation (ADR 0002), so they may use the core.
	"pkg/apis": {"std", "k8s.io/api/...", "k8s.io/apimachinery/...", "knative.dev/pkg/...", "sigs.k8s.io/json/...", "github.com/netresearch/go-cron", "pkg/apis/...", "pkg/audit", "pkg/dedupe", "pkg/expr", "pkg/flow", "pkg/match"},

	// The only place where kinds and core meet beside validation.
	"pkg/plan": {"std", "pkg/agent", "k8s.io/apimachinery/...", "sigs.k8s.io/yaml", "pkg/apis/...", "pkg/dedupe", "pkg/expr", "pkg/flow", "pkg/match", "pkg/fleet", "pkg/guard"},

	// Events and where they come from.
	"pkg/event":   {"std", "github.com/cloudevents/sdk-go/v2/...", "pkg/match", "pkg/expr"},
	"pkg/source":  {"std", "github.com/slack-go/slack/...", "k8s.io/utils/clock", "pkg/event", "pkg/expr", "pkg/source"},
	"pkg/adapter": {"std", "github.com/cloudevents/sdk-go/v2/...", "k8s.io/utils/clock", "pkg/event", "pkg/match", "pkg/source", "pkg/trace"},
	"pkg/trace":   {"std", "github.com/cloudevents/sdk-go/v2/event"},

	// What runs a node.
	"pkg/shell": {"std", "mvdan.cc/sh/v3/...", "github.com/itchyny/gojq", "k8s.io/utils/clock", "golang.org/x/sys/..."},
	"pkg/llm":   {"std", "github.com/openai/openai-go/v3/...", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v3", "k8s.io/utils/clock", "pkg/llm/..."},
	"pkg/agent": {"std", "golang.org/x/sync/errgroup", "pkg/llm", "pkg/fleet"},
	"pkg/node":  {"std", "github.com/itchyny/gojq", "k8s.io/utils/clock", "pkg/expr", "pkg/flow", "pkg/shell"},

	// Runs.
	"pkg/ledger":      {"std", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "modernc.org/sqlite/...", "modernc.org/sqlite", "pkg/apis/...", "pkg/ledger"},
	"pkg/ledger/kube": {"std", "k8s.io/apimachinery/...", "k8s.io/client-go/rest", "pkg/apis/...", "pkg/ledger"},
	"pkg/runner":      {"std", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "knative.dev/pkg/apis/...", "golang.org/x/sync/errgroup", "github.com/cloudevents/sdk-go/v2/...", "pkg/agent", "pkg/apis/...", "pkg/audit", "pkg/event", "pkg/expr", "pkg/fleet", "pkg/flow", "pkg/guard", "pkg/ledger", "pkg/llm", "pkg/names", "pkg/node", "pkg/plan", "pkg/quota", "pkg/verdict"},
	"pkg/guard":       {"std"},
	"pkg/audit":       {"std"},
	"pkg/audit/sink":  {"std", "k8s.io/utils/clock", "pkg/audit"},
	"pkg/quota":       {"std", "k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/api/errors", "k8s.io/utils/clock", "pkg/guard", "pkg/ledger", "pkg/names"},
	"pkg/verdict":     {"std", "github.com/cloudevents/sdk-go/v2/event", "pkg/apis/...", "pkg/event", "pkg/expr", "pkg/guard"},
	"pkg/answer":      {"std", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "pkg/apis/...", "pkg/event", "pkg/guard", "pkg/ledger", "pkg/source", "pkg/verdict"},
	"pkg/fold":        {"std", "k8s.io/apimachinery/...", "knative.dev/pkg/apis/...", "pkg/apis/...", "pkg/flow", "pkg/names"},

	// How the adapter works in a cluster.
	"pkg/intake": {"std", "github.com/cloudevents/sdk-go/v2/event", "golang.org/x/sync/errgroup", "k8s.io/api/core/v1", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "k8s.io/utils/lru", "pkg/adapter", "pkg/answer", "pkg/apis/...", "pkg/claim", "pkg/event", "pkg/fold", "pkg/ledger", "pkg/match", "pkg/names", "pkg/once", "pkg/route", "pkg/secretref", "pkg/source", "pkg/trace"},
	"pkg/stream": {"std", "k8s.io/api/coordination/v1", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "k8s.io/utils/ptr", "pkg/source"},

	// What the operator's processes agree on.
	"pkg/names":     {"std", "knative.dev/pkg/kmeta"},
	"pkg/secretref": {"std", "pkg/expr", "pkg/names"},
	"pkg/settings":  {"std", "k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/util/validation", "knative.dev/pkg/configmap/parser"},
	"pkg/once":      {"std", "github.com/cloudevents/sdk-go/v2/event", "k8s.io/api/coordination/v1", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "k8s.io/utils/ptr", "pkg/apis/...", "pkg/claim", "pkg/dedupe", "pkg/event", "pkg/ledger", "pkg/names", "pkg/once"},
	"pkg/claim":     {"std", "github.com/cloudevents/sdk-go/v2/...", "k8s.io/apimachinery/...", "pkg/apis/...", "pkg/dedupe", "pkg/event", "pkg/fold", "pkg/ledger", "pkg/names", "pkg/plan"},
	"pkg/route":     {"std", "pkg/apis/...", "pkg/claim", "pkg/match"},
	"pkg/delivery":  {"std", "github.com/cloudevents/sdk-go/v2/event", "k8s.io/api/core/v1", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "pkg/apis/...", "pkg/claim", "pkg/event", "pkg/ledger", "pkg/match", "pkg/names", "pkg/node", "pkg/once", "pkg/plan", "pkg/reply", "pkg/runner", "pkg/secretref", "pkg/source", "pkg/trace"},
	"pkg/reply":     {"std", "pkg/node", "pkg/source"},
	"pkg/egress":    {"std", "pkg/trace"},
	"pkg/kubeapi":   {"std", "k8s.io/api/coordination/v1", "k8s.io/api/core/v1", "k8s.io/apimachinery/...", "k8s.io/client-go/rest", "pkg/client/clientset/versioned/typed/...", "pkg/names"},

	// What is shown of objects while they are there.
	"pkg/observe": {"std", "github.com/prometheus/client_golang/prometheus", "k8s.io/apimachinery/...", "k8s.io/client-go/listers/...", "pkg/apis/...", "pkg/client/listers/...", "pkg/fold", "pkg/names"},

	// What reconcilers share. Reconcilers themselves may import anything but
	// what forbidden lists.
	"pkg/reconciler/flowrun/resume": {"std", "github.com/cloudevents/sdk-go/v2/event", "k8s.io/utils/clock"},
	"pkg/reconciler/track":          {"std", "k8s.io/apimachinery/...", "k8s.io/client-go/tools/cache", "knative.dev/pkg/kmeta"},
	"pkg/reconciler/counted":        {"std", "k8s.io/apimachinery/...", "k8s.io/client-go/listers/...", "pkg/fold", "pkg/names"},
	"pkg/reconciler/edge":           {"std", "k8s.io/api/core/v1", "k8s.io/apimachinery/...", "knative.dev/pkg/..."},
	"pkg/reconciler/credentials":    {"std", "k8s.io/api/core/v1", "k8s.io/apimachinery/...", "k8s.io/client-go/...", "knative.dev/pkg/...", "pkg/names", "pkg/secretref"},
	"pkg/reconciler/token":          {"std", "k8s.io/api/...", "k8s.io/apimachinery/...", "k8s.io/client-go/...", "k8s.io/utils/...", "knative.dev/pkg/...", "pkg/names"},

	// What reconcilers make is pure.
	"pkg/reconciler/flowbinding/resources": {"std", "k8s.io/api/...", "k8s.io/apimachinery/...", "k8s.io/utils/ptr", "knative.dev/eventing/pkg/apis/...", "knative.dev/pkg/apis/...", "knative.dev/pkg/kmeta", "pkg/apis/...", "pkg/event", "pkg/names", "pkg/plan", "pkg/settings"},

	// What the webhook decides by who asks.
	"pkg/admission": {"std", "k8s.io/api/...", "k8s.io/apimachinery/...", "k8s.io/utils/clock", "knative.dev/pkg/apis", "pkg/apis/...", "pkg/flow", "pkg/names"},

	// Files.
	"pkg/manifest": {"std", "go.yaml.in/yaml/v3", "k8s.io/apimachinery/...", "knative.dev/pkg/apis/...", "sigs.k8s.io/json/...", "sigs.k8s.io/yaml", "pkg/apis/...", "pkg/flow"},
	"pkg/importer": {"std", "go.yaml.in/yaml/v3", "sigs.k8s.io/yaml", "k8s.io/apimachinery/...", "pkg/apis/...", "pkg/flow", "pkg/manifest"},
}

// composers put the pieces together and may import anything but each other's
// insides; what they may not is listed here.
var forbidden = map[string][]string{
	"pkg/runner":  {"pkg/reconciler", "pkg/adapter", "pkg/source"},
	"pkg/adapter": {"pkg/reconciler", "pkg/runner"},
	"pkg/local":   {"pkg/reconciler", "pkg/cli"},

	"pkg/reconciler/flowbinding": {"pkg/llm", "pkg/source", "pkg/adapter", "pkg/runner", "pkg/node", "pkg/reconciler/trigger", "pkg/reconciler/tally", "pkg/reconciler/flowrun", "pkg/reconciler/agent"},
}

func TestDependencyLaw(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.test() || testKit(f.path) {
			continue
		}
		pkg := path.Dir(f.path)
		allowed, ruled := ruleFor(pkg)
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			assert.NoError(t, err)
			if ruled {
				assert.True(t, permitted(allowed, pkg, imported), "%s imports %s: not in the law of internal/house", f.path, imported)
			}
			for _, no := range forbidden[pkg] {
				assert.False(t, within(strings.TrimPrefix(imported, module), no+"/..."), "%s must not import %s", f.path, imported)
			}
			assert.NotEqual(t, "cmd", strings.SplitN(strings.TrimPrefix(imported, module), "/", 2)[0], "%s imports a command", f.path)
		}
	}
}

// testKit says whether a file belongs to a package that only tests import, such
// as pkg/source/sourcetest, or to what lies under test/.
func testKit(file string) bool {
	dir := path.Dir(file)
	return strings.HasPrefix(file, "test/") || strings.HasSuffix(path.Base(dir), "test")
}

// ruleFor gives the entry of the package or of the nearest package above it.
func ruleFor(pkg string) ([]string, bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if allowed, ok := law[p]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func permitted(allowed []string, pkg, imported string) bool {
	if own, ok := strings.CutPrefix(imported, module); ok {
		if within(own, pkg+"/...") {
			return true // downward
		}
		imported = own
	} else if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		return slices.Contains(allowed, "std")
	}
	return slices.ContainsFunc(allowed, func(rule string) bool { return within(imported, rule) })
}

func within(imported, rule string) bool {
	if below, ok := strings.CutSuffix(rule, "/..."); ok {
		return imported == below || strings.HasPrefix(imported, below+"/")
	}
	return imported == rule
}

func TestTheLawNamesPackagesThatExist(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, f := range goFiles(t) {
		for p := path.Dir(f.path); p != "."; p = path.Dir(p) {
			have[p] = true
		}
	}
	for pkg := range law {
		assert.True(t, have[pkg], "the law names %s, which is gone", pkg)
	}
}
