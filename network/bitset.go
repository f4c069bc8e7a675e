package network

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
)

// bitset is a set of small numbers: the words that are not zero, ascending. Its size follows its members and not the
// cluster: the pods of a namespace are neighbours, and a rule mostly speaks of few namespaces. It is immutable once made.
type bitset []word

type word struct {
	at   int // the number of its lowest bit, divided by 64
	bits uint64
}

// span is the set of the numbers from lo up to hi, which is not among them.
func span(lo, hi int) bitset {
	if lo >= hi {
		return nil
	}
	out := make(bitset, 0, (hi-1)/64-lo/64+1)
	for at := lo / 64; at*64 < hi; at++ {
		out = append(out, word{at, ^uint64(0)})
	}
	out[0].bits &= ^uint64(0) << (lo % 64)
	if r := hi % 64; r != 0 {
		out[len(out)-1].bits &= ^uint64(0) >> (64 - r)
	}
	return out
}

// search finds where the word at a place is, or would be.
func (b bitset) search(at int) (int, bool) {
	return slices.BinarySearchFunc(b, at, func(w word, at int) int { return cmp.Compare(w.at, at) })
}

// set adds a number: fast for those that ascend.
func (b *bitset) set(i int) {
	at, bit := i/64, uint64(1)<<(i%64)
	n := len(*b)
	if n == 0 || (*b)[n-1].at < at {
		*b = append(*b, word{at, bit})
		return
	}
	j, found := n-1, (*b)[n-1].at == at
	if !found {
		j, found = b.search(at)
	}
	if found {
		(*b)[j].bits |= bit
	} else {
		*b = slices.Insert(*b, j, word{at, bit})
	}
}

func (b bitset) has(i int) bool {
	j, found := b.search(i / 64)
	return found && b[j].bits&(1<<(i%64)) != 0
}

func (b bitset) empty() bool { return len(b) == 0 }

// together lists the places where both sets have a word.
func (b bitset) together(c bitset) iter.Seq2[word, word] {
	return func(yield func(word, word) bool) {
		for len(b) > 0 && len(c) > 0 {
			switch {
			case b[0].at < c[0].at:
				b = b.from(c[0].at)
			case c[0].at < b[0].at:
				c = c.from(b[0].at)
			default:
				if !yield(b[0], c[0]) {
					return
				}
				b, c = b[1:], c[1:]
			}
		}
	}
}

// from is the words from a place on, which is behind the first one. It looks ahead in growing steps, so that a small set
// meets a large one in little time.
func (b bitset) from(at int) bitset {
	step := 1
	for step < len(b) && b[step].at < at {
		step *= 2
	}
	lo := step / 2
	j, _ := b[lo:min(step+1, len(b))].search(at)
	return b[lo+j:]
}

func (b bitset) and(c bitset) bitset {
	var out bitset
	for x, y := range b.together(c) {
		if both := x.bits & y.bits; both != 0 {
			if out == nil {
				out = make(bitset, 0, min(len(b), len(c)))
			}
			out = append(out, word{x.at, both})
		}
	}
	return out
}

func (b bitset) meets(c bitset) bool {
	for x, y := range b.together(c) {
		if x.bits&y.bits != 0 {
			return true
		}
	}
	return false
}

func (b bitset) minus(c bitset) bitset {
	if !b.meets(c) {
		return b
	}
	out := make(bitset, 0, len(b))
	for _, x := range b {
		for len(c) > 0 && c[0].at < x.at {
			c = c.from(x.at)
		}
		if len(c) > 0 && c[0].at == x.at {
			x.bits &^= c[0].bits
		}
		if x.bits != 0 {
			out = append(out, x)
		}
	}
	return out
}

func (b bitset) or(c bitset) bitset {
	if len(b) == 0 {
		return c
	}
	if len(c) == 0 {
		return b
	}
	out := make(bitset, 0, len(b)+len(c))
	for len(b) > 0 && len(c) > 0 {
		switch x, y := b[0], c[0]; {
		case x.at < y.at:
			out, b = append(out, x), b[1:]
		case y.at < x.at:
			out, c = append(out, y), c[1:]
		default:
			out, b, c = append(out, word{x.at, x.bits | y.bits}), b[1:], c[1:]
		}
	}
	return append(append(out, b...), c...)
}

// each lists the members, ascending.
func (b bitset) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, w := range b {
			for rest := w.bits; rest != 0; rest &= rest - 1 {
				if !yield(w.at*64 + bits.TrailingZeros64(rest)) {
					return
				}
			}
		}
	}
}
