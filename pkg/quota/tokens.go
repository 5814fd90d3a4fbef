// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"slices"
	"sync"
	"time"

	"aof.dev/operator/pkg/guard"
)

// pool is what this process holds of a Context's tokens.
type pool struct {
	mu   sync.Mutex
	days []string
	// free is what is held and not in use, spent what was used of what was held
	// and the document does not know of.
	free, spent int64
	// late is what was settled of days that are over.
	late []settled
	// users counts the runs that may want tokens.
	users int
}

type settled struct {
	days          []string
	granted, used int64
}

// Grant is what a call may use.
type Grant struct {
	Tokens int64
	days   []string
}

// Use says that a run may want tokens of a Context. What is returned is to be
// called when it does not any more: the last one gives back what is left.
func (k *Keeper) Use(key Key) (done func(context.Context) error) {
	p := k.pool(key)
	p.mu.Lock()
	p.users++
	p.mu.Unlock()
	return func(ctx context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.users--; p.users > 0 {
			return nil
		}
		return k.giveBack(ctx, key, p)
	}
}

// Take takes tokens for a call. A reservation that grants nothing says why.
func (k *Keeper) Take(ctx context.Context, key Key, limits guard.Limits, need int64) (Grant, guard.Reservation, error) {
	p := k.pool(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if days := new(guard.Quota).DaysAt(k.Clock.Now()); slices.Equal(days, p.days) && p.free >= need {
		p.free -= need
		return Grant{need, days}, guard.Reservation{Granted: need, Days: days}, nil
	}
	var r guard.Reservation
	err := k.Quota(ctx, key, func(q *guard.Quota, now time.Time) bool {
		settled := p.settle(q, slices.Equal(q.DaysAt(now), p.days))
		r = q.Reserve(limits, need, now)
		return r.Granted > 0 || settled
	})
	if err != nil {
		return Grant{}, r, err
	}
	p.spent, p.late = 0, nil
	if !slices.Equal(r.Days, p.days) {
		p.days, p.free = r.Days, 0
	}
	if r.Granted == 0 {
		return Grant{}, r, nil
	}
	p.free += r.Granted - need
	return Grant{need, r.Days}, r, nil
}

// Settle says what a call has used.
func (k *Keeper) Settle(key Key, g Grant, used int64) {
	p := k.pool(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(g.days, p.days) {
		p.late = append(p.late, settled{g.days, g.Tokens, used})
		return
	}
	p.free += g.Tokens - used
	p.spent += used
}

// settle tells a document what was used. What is free is kept, or given back.
func (p *pool) settle(q *guard.Quota, keep bool) bool {
	back := p.spent
	if !keep {
		back += p.free
	}
	q.Settle(p.days, back, p.spent)
	for _, l := range p.late {
		q.Settle(l.days, l.granted, l.used)
	}
	return back != 0 || p.spent != 0 || len(p.late) > 0
}

func (k *Keeper) giveBack(ctx context.Context, key Key, p *pool) error {
	if p.free == 0 && p.spent == 0 && len(p.late) == 0 {
		return nil
	}
	err := k.Quota(ctx, key, func(q *guard.Quota, _ time.Time) bool { return p.settle(q, false) })
	if err == nil {
		p.free, p.spent, p.late = 0, 0, nil
	}
	return err
}

func (k *Keeper) pool(key Key) *pool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pools == nil {
		k.pools = map[Key]*pool{}
	}
	if k.pools[key] == nil {
		k.pools[key] = &pool{}
	}
	return k.pools[key]
}
