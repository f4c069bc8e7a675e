package network

import (
	"iter"
	"math/bits"
	"slices"
)

// bitset is a set of small numbers. Only the words between its first and last member are kept: the pods of a namespace
// are neighbours, so that a set within one is small. It is immutable once made.
type bitset struct {
	first int // number of the first word
	words []uint64
}

// span is the set of the numbers from lo up to hi, which is not among them.
func span(lo, hi int) bitset {
	if lo >= hi {
		return bitset{}
	}
	out := bitset{lo / 64, make([]uint64, (hi-1)/64-lo/64+1)}
	for i := range out.words {
		out.words[i] = ^uint64(0)
	}
	out.words[0] &= ^uint64(0) << (lo % 64)
	if r := hi % 64; r != 0 {
		out.words[len(out.words)-1] &= ^uint64(0) >> (64 - r)
	}
	return out
}

func (b *bitset) set(i int) {
	w := i / 64
	switch {
	case len(b.words) == 0:
		b.first, b.words = w, []uint64{0}
	case w < b.first:
		b.words = append(make([]uint64, b.first-w), b.words...)
		b.first = w
	case w >= b.first+len(b.words):
		b.words = append(b.words, make([]uint64, w-b.first-len(b.words)+1)...)
	}
	b.words[w-b.first] |= 1 << (i % 64)
}

func (b bitset) has(i int) bool {
	w := i/64 - b.first
	return w >= 0 && w < len(b.words) && b.words[w]&(1<<(i%64)) != 0
}

func (b bitset) empty() bool {
	for _, w := range b.words {
		if w != 0 {
			return false
		}
	}
	return true
}

func (b bitset) and(c bitset) bitset {
	lo, hi := max(b.first, c.first), min(b.first+len(b.words), c.first+len(c.words))
	if lo >= hi {
		return bitset{}
	}
	out := bitset{lo, make([]uint64, hi-lo)}
	for i := range out.words {
		out.words[i] = b.words[lo+i-b.first] & c.words[lo+i-c.first]
	}
	return out
}

func (b bitset) meets(c bitset) bool {
	lo, hi := max(b.first, c.first), min(b.first+len(b.words), c.first+len(c.words))
	for i := lo; i < hi; i++ {
		if b.words[i-b.first]&c.words[i-c.first] != 0 {
			return true
		}
	}
	return false
}

func (b bitset) minus(c bitset) bitset {
	lo, hi := max(b.first, c.first), min(b.first+len(b.words), c.first+len(c.words))
	if lo >= hi {
		return b
	}
	out := bitset{b.first, slices.Clone(b.words)}
	for i := lo; i < hi; i++ {
		out.words[i-b.first] &^= c.words[i-c.first]
	}
	return out
}

func (b bitset) or(c bitset) bitset {
	if len(b.words) == 0 {
		return c
	}
	if len(c.words) == 0 {
		return b
	}
	lo, hi := min(b.first, c.first), max(b.first+len(b.words), c.first+len(c.words))
	out := bitset{lo, make([]uint64, hi-lo)}
	copy(out.words[b.first-lo:], b.words)
	for i, w := range c.words {
		out.words[c.first-lo+i] |= w
	}
	return out
}

// each lists the members, ascending.
func (b bitset) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range b.words {
			for ; w != 0; w &= w - 1 {
				if !yield((b.first+i)*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
