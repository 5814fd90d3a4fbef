// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"container/heap"
	"math/bits"
)

// order sorts n nodes topologically along the edges from[i] -> to[i]; an edge
// from a negative node is ignored. Where the graph leaves a choice, the lower
// number goes first. When there is a cycle, cycle holds the edges of one, in
// order. Nothing here recurses: flows are as deep as their author likes.
func order(n int, from, to []int32) (sorted, cycle []int32) {
	out := adjacency(n, from)
	open := make([]int32, n)
	for e, f := range from {
		if f >= 0 {
			open[to[e]]++
		}
	}
	var ready intHeap
	for i := range n {
		if open[i] == 0 {
			ready = append(ready, int32(i))
		}
	}
	sorted = make([]int32, 0, n)
	for len(ready) > 0 {
		next, _ := heap.Pop(&ready).(int32)
		sorted = append(sorted, next)
		for _, e := range out.of(next) {
			if open[to[e]]--; open[to[e]] == 0 {
				heap.Push(&ready, to[e])
			}
		}
	}
	if len(sorted) < n {
		return nil, findCycle(n, from, to, open)
	}
	return sorted, nil
}

// findCycle returns the edges of one cycle among the nodes that are still open.
// Every such node has an open one before it, so that walking backwards must come
// to a node twice.
func findCycle(n int, from, to, open []int32) []int32 {
	before := adjacency(n, to)
	var at int32
	for open[at] == 0 {
		at++
	}
	via := make([]int32, n) // the edge by which a node was left backwards, +1
	var walked []int32
	for via[at] == 0 {
		for _, e := range before.of(at) {
			if from[e] >= 0 && open[from[e]] > 0 {
				via[at] = e + 1
				walked = append(walked, e)
				at = from[e]
				break
			}
		}
	}
	// The walk's tail from the first time it left `at` is the cycle, backwards.
	start := 0
	for to[walked[start]] != at {
		start++
	}
	cycle := make([]int32, 0, len(walked)-start)
	for i := len(walked) - 1; i >= start; i-- {
		cycle = append(cycle, walked[i])
	}
	return cycle
}

// lists holds a list of edges for each node in two slices.
type lists struct {
	start []int32
	edges []int32
}

// adjacency groups the edges by the node at the given end, keeping their order.
// Edges whose end is negative are left out.
func adjacency(n int, end []int32) lists {
	l := lists{start: make([]int32, n+1)}
	for _, v := range end {
		if v >= 0 {
			l.start[v+1]++
		}
	}
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	l.edges = make([]int32, l.start[n])
	next := append([]int32(nil), l.start[:n]...)
	for e, v := range end {
		if v >= 0 {
			l.edges[next[v]] = int32(e)
			next[v]++
		}
	}
	return l
}

func (l lists) of(node int32) []int32 { return l.edges[l.start[node]:l.start[node+1]] }

type intHeap []int32

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *intHeap) Push(x any) {
	if v, ok := x.(int32); ok {
		*h = append(*h, v)
	}
}

// Pop is for container/heap.
func (h *intHeap) Pop() any {
	last := len(*h) - 1
	v := (*h)[last]
	*h = (*h)[:last]
	return v
}

// bitset is a set of nodes; it holds none beyond its length.
type bitset []uint64

func newBitset(n int32) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int32) bool {
	word := int(i >> 6)
	return word < len(b) && b[word]&(1<<(uint(i)&63)) != 0
}

func (b bitset) add(i int32) { b[i>>6] |= 1 << (uint(i) & 63) }

// union adds the members of o, which must not reach beyond b.
func (b bitset) union(o bitset) {
	for i, word := range o {
		b[i] |= word
	}
}

// each calls f for the members in ascending order.
func (b bitset) each(f func(int32)) {
	for w, word := range b {
		for ; word != 0; word &= word - 1 {
			f(int32(w<<6 + bits.TrailingZeros64(word)))
		}
	}
}

// down calls f for the members in descending order until it returns false.
func (b bitset) down(f func(int32) bool) {
	for w := len(b) - 1; w >= 0; w-- {
		for word := b[w]; word != 0; {
			top := 63 - bits.LeadingZeros64(word)
			if !f(int32(w<<6 + top)) {
				return
			}
			word &^= 1 << uint(top)
		}
	}
}
