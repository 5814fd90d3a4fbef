// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "context"

// SetDefaults brings references and other spellings to their canonical form. It
// does not fill in namespaces: a reference without one follows the binding.
func (b *FlowBinding) SetDefaults(context.Context) {
	b.Spec.Trigger.fold()
	b.Spec.Context.fold()
	b.Spec.Flow.fold()
	if o := b.Spec.Overrun; o != nil {
		o.Policy = canonicalWord(o.Policy, overrunPolicies, overrunSynonyms)
	}
	if m := b.Spec.Match; m != nil {
		foldList(&m.RequiredKeywords, &m.RequiredKeywordsCamel)
		foldList(&m.ExcludedKeywords, &m.ExcludedKeywordsCamel)
	}
}

var overrunPolicies = []OverrunPolicy{OverrunParallel, OverrunSerialize, OverrunSkip, OverrunReplace}

// overrunSynonyms are what a CronJob's concurrencyPolicy calls the same.
var overrunSynonyms = map[string]OverrunPolicy{"allow": OverrunParallel, "forbid": OverrunSkip}
