// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"aof.dev/operator/pkg/guard"
)

func claimed(n int) guard.Place {
	p := place(n)
	p.Claimed = int64(n)
	return p
}

func TestSerializeKeepsTheOrderOfClaims(t *testing.T) {
	t.Parallel()
	turns := &guard.Turns{}
	require.Equal(t, guard.Yours, turns.Enter(guard.Serialize, "k", claimed(1), noon).State)
	for _, n := range []int{4, 2, 3} {
		e := turns.Enter(guard.Serialize, "k", claimed(n), noon)
		assert.Equal(t, guard.Waits, e.State)
		assert.Equal(t, place(1).ID, e.Other.ID)
		assert.Equal(t, noon.Add(time.Minute), e.Opens)
	}
	assert.Equal(t, guard.Yours, turns.Enter(guard.Serialize, "k2", claimed(9), noon).State, "another key")
	assert.False(t, turns.Enter(guard.Serialize, "k", claimed(2), noon).Changed, "asking again is for nothing")
	assert.True(t, turns.Enter(guard.Serialize, "k", claimed(2), noon.Add(time.Hour)).Changed, "it comes again later")
	assert.Empty(t, turns.Next())
	for n := 1; n < 4; n++ {
		require.True(t, turns.Leave(place(n).ID))
		assert.Equal(t, []string{place(n + 1).ID}, turns.Next())
		assert.Equal(t, guard.Waits, turns.Enter(guard.Serialize, "k", claimed(8), noon).State, "nobody overtakes")
		assert.Equal(t, guard.Yours, turns.Enter(guard.Serialize, "k", claimed(n+1), noon).State)
	}
	for _, n := range []int{4, 8, 9} {
		turns.Leave(place(n).ID)
	}
	assert.Empty(t, turns.Keys, "what nobody needs is not kept")
}

func TestSkip(t *testing.T) {
	t.Parallel()
	turns := &guard.Turns{}
	require.Equal(t, guard.Yours, turns.Enter(guard.Skip, "k", claimed(1), noon).State)
	e := turns.Enter(guard.Skip, "k", claimed(2), noon)
	assert.Equal(t, guard.Skipped, e.State)
	assert.Equal(t, place(1).ID, e.Other.ID)
	assert.Equal(t, guard.Yours, turns.Enter(guard.Skip, "k", claimed(1), noon).State, "it is its own turn still")
	turns.Leave(place(1).ID)
	assert.Equal(t, guard.Yours, turns.Enter(guard.Skip, "k", claimed(3), noon).State)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	turns := &guard.Turns{}
	require.Equal(t, guard.Yours, turns.Enter(guard.Replace, "k", claimed(1), noon).State)
	second := turns.Enter(guard.Replace, "k", claimed(2), noon)
	assert.Equal(t, guard.Waits, second.State)
	assert.Equal(t, place(1).ID, second.Replaced[0].ID)
	third := turns.Enter(guard.Replace, "k", claimed(3), noon)
	assert.Equal(t, guard.Waits, third.State)
	assert.Len(t, third.Replaced, 2, "who waits is replaced, too")
	older := turns.Enter(guard.Replace, "k", claimed(2), noon)
	assert.Equal(t, guard.Skipped, older.State)
	assert.Equal(t, place(3).ID, older.Other.ID)
	turns.Leave(place(1).ID)
	assert.Equal(t, guard.Yours, turns.Enter(guard.Replace, "k", claimed(3), noon).State)
	late := turns.Enter(guard.Replace, "k", claimed(0), noon)
	assert.Equal(t, guard.Skipped, late.State, "an older one that comes late replaces nothing")
}

// Whoever comes and goes, one run at a time has the turn of a key, and nobody is
// forgotten.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		turns := &guard.Turns{}
		policy := rapid.SampledFrom([]guard.Policy{guard.Serialize, guard.Skip, guard.Replace}).Draw(t, "policy")
		at := map[string]string{}
		waiting := map[string]guard.Place{}
		for n := range 40 {
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			run := claimed(n)
			if rapid.Bool().Draw(t, "leave") && at[key] != "" {
				turns.Leave(at[key])
				delete(at, key)
			}
			for _, id := range turns.Next() {
				run, key = waiting[id], string(id[len(id)-1])
			}
			if id := run.ID; len(turns.Next()) == 0 {
				run.ID = id + key
			}
			switch e := turns.Enter(policy, key, run, noon); e.State {
			case guard.Yours:
				if at[key] != "" {
					t.Fatalf("%s and %s have the turn of %s", at[key], run.ID, key)
				}
				at[key] = run.ID
				delete(waiting, run.ID)
			case guard.Waits:
				waiting[run.ID] = run
				for _, p := range e.Replaced {
					delete(waiting, p.ID)
				}
			case guard.Skipped:
			}
		}
		for range 100 {
			for _, id := range at {
				turns.Leave(id)
			}
			clear(at)
			for _, id := range turns.Next() {
				key := string(id[len(id)-1])
				if turns.Enter(policy, key, waiting[id], noon).State == guard.Yours {
					at[key] = id
					delete(waiting, id)
				}
			}
		}
		if len(waiting) > 0 || len(turns.Keys) > 0 {
			t.Fatalf("left: %v %v", waiting, turns.Keys)
		}
	})
}
