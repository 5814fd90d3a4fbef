// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"aof.dev/operator/pkg/ledger"
)

func TestRunName(t *testing.T) {
	t.Parallel()
	// The last one is golden: a name that changes would run events again.
	for _, tc := range []struct{ prefix, want string }{
		{"prod-slack", "prod-slack-"},
		{"", "run-"},
		{"--", "run-"},
		{"Ünïcode & more!", "n-code---more-"},
		{strings.Repeat("long-", 30), "long-long-long-long-long-long-long-l-"},
	} {
		got := ledger.RunName(tc.prefix, "uid", "source", "id")
		assert.Equal(t, tc.want+"@", got[:len(got)-26]+"@", tc.prefix)
	}
	assert.Equal(t, "prod-slack-q1u32podh89uu9p8dm5pt2qg0c", ledger.RunName("prod-slack", "0b7c", "/slack/prod", "Ev01"))
}

func TestRunNameTellsEventsApart(t *testing.T) {
	t.Parallel()
	seen := map[string][3]string{}
	for _, triple := range [][3]string{
		{"a", "b", "c"}, {"ab", "", "c"}, {"", "ab", "c"}, {"a", "bc", ""}, {"abc", "", ""}, {"", "", "abc"}, {"", "", ""}, {"a", "c", "b"}, {"a", "b\x00", "c"},
	} {
		name := ledger.RunName("x", triple[0], triple[1], triple[2])
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q have the same name", other, triple)
		}
		seen[name] = triple
	}
}

func FuzzRunName(f *testing.F) {
	f.Add("prefix", "uid", "source", "id")
	f.Add("--A__", "", "\x00", "\xff")
	f.Add(strings.Repeat("x-", 40), "", "", "")
	f.Fuzz(func(t *testing.T, prefix, uid, source, id string) {
		name := ledger.RunName(prefix, uid, source, id)
		if errs := validation.IsDNS1123Label(name); len(errs) > 0 {
			t.Errorf("%q: %v", name, errs)
		}
		if name != ledger.RunName(prefix, uid, source, id) {
			t.Error("not deterministic")
		}
		if name == ledger.RunName(prefix, uid, source, id+"x") {
			t.Error("the ID does not count")
		}
	})
}
