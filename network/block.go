package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// blockIndex numbers the distinct address blocks of all policies.
type blockIndex struct {
	blocks []prefixes
	ids    map[string]int
}

func (x *blockIndex) id(b prefixes) int {
	key := b.key()
	id, ok := x.ids[key]
	if !ok {
		if x.ids == nil {
			x.ids = map[string]int{}
		}
		id = len(x.blocks)
		x.ids[key] = id
		x.blocks = append(x.blocks, b)
	}
	return id
}

// of lists the blocks that hold all of some addresses, and those that hold only some of them.
func (x *blockIndex) of(addrs []netip.Addr) (all, some []int) {
	if len(addrs) == 0 {
		return nil, nil
	}
	for i, b := range x.blocks {
		n := 0
		for _, a := range addrs {
			if b.has(a) {
				n++
			}
		}
		if n == len(addrs) {
			all = append(all, i)
		} else if n > 0 {
			some = append(some, i)
		}
	}
	return all, some
}

// Addresses are external addresses that no policy tells apart.
type Addresses struct {
	ranges prefixes
	blocks []int
}

// Prefixes are the addresses as CIDRs, IPv4 first.
func (a *Addresses) Prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, r := range a.ranges {
		out = append(out, r.prefixes()...)
	}
	return out
}

// Has reports whether an address is among them.
func (a *Addresses) Has(addr netip.Addr) bool { return a.ranges.has(addr.Unmap()) }

// String lists ranges; all addresses of both families are "everywhere".
func (a *Addresses) String() string {
	if len(a.ranges) == len(families) && a.ranges[0] == families[0] && a.ranges[1] == families[1] {
		return "everywhere"
	}
	return a.ranges.String()
}

// split cuts all addresses where blocks begin and end, and joins again what lies in the same blocks.
// Cost: the number of limits times that of blocks.
func (x *blockIndex) split() []*Addresses {
	var out []*Addresses
	bySignature := map[string]*Addresses{}
	for _, family := range families {
		starts := []netip.Addr{family.first}
		for _, b := range x.blocks {
			for _, r := range b {
				if r.first.BitLen() != family.first.BitLen() {
					continue
				}
				starts = append(starts, r.first)
				if next := r.last.Next(); next.IsValid() {
					starts = append(starts, next)
				}
			}
		}
		slices.SortFunc(starts, netip.Addr.Compare)
		starts = slices.Compact(starts)
		for i, first := range starts {
			last := family.last
			if i+1 < len(starts) {
				last = starts[i+1].Prev()
			}
			var in []int
			for j, b := range x.blocks {
				if b.has(first) {
					in = append(in, j)
				}
			}
			key := fmt.Sprint(in)
			a := bySignature[key]
			if a == nil {
				a = &Addresses{blocks: in}
				bySignature[key] = a
				out = append(out, a)
			}
			if n := len(a.ranges); n > 0 && a.ranges[n-1].last.Next() == first {
				a.ranges[n-1].last = last
			} else {
				a.ranges = append(a.ranges, addressRange{first, last})
			}
		}
	}
	return out
}

func (ps prefixes) has(a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(r addressRange) bool { return r.has(a) })
}

func (r addressRange) has(a netip.Addr) bool {
	return r.first.BitLen() == a.BitLen() && !a.Less(r.first) && !r.last.Less(a)
}

// holds reports whether all, some or none of a range is within the block, whose ranges do not overlap.
func (ps prefixes) holds(r addressRange) truth {
	rest := prefixes{r}
	touched := false
	for _, have := range ps {
		var next prefixes
		for _, x := range rest {
			if have.first.BitLen() != x.first.BitLen() || have.last.Less(x.first) || x.last.Less(have.first) {
				next = append(next, x)
				continue
			}
			touched = true
			if x.first.Less(have.first) {
				next = append(next, addressRange{x.first, have.first.Prev()})
			}
			if have.last.Less(x.last) {
				next = append(next, addressRange{have.last.Next(), x.last})
			}
		}
		rest = next
	}
	switch {
	case len(rest) == 0:
		return yes
	case touched:
		return maybe
	}
	return no
}

// key is the same for the same ranges, and cheap.
func (ps prefixes) key() string {
	var b []byte
	for _, r := range ps {
		first, last := r.first.As16(), r.last.As16()
		b = append(append(append(b, byte(r.first.BitLen())), first[:]...), last[:]...)
	}
	return string(b)
}

// String lists the ranges as CIDRs where they are one, else as first-last.
func (ps prefixes) String() string {
	out := make([]string, len(ps))
	for i, r := range ps {
		if p := r.prefixes(); len(p) == 1 {
			out[i] = p[0].String()
		} else {
			out[i] = r.first.String() + "-" + r.last.String()
		}
	}
	return strings.Join(out, ",")
}

// prefixes are the fewest CIDRs that make up the range.
func (r addressRange) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for first := r.first; first.IsValid() && !r.last.Less(first); {
		best := netip.PrefixFrom(first, first.BitLen())
		for bits := first.BitLen() - 1; bits >= 0; bits-- {
			p := netip.PrefixFrom(first, bits)
			if p.Masked().Addr() != first || r.last.Less(lastOf(p)) {
				break
			}
			best = p
		}
		out = append(out, best)
		first = lastOf(best).Next()
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func sameFamily(block prefixes, r addressRange) bool {
	return slices.ContainsFunc(block, func(b addressRange) bool { return b.first.BitLen() == r.first.BitLen() })
}
