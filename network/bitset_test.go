package network

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Sets of bits are sets.
func TestBitset(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 64))
		make2 := func() (bitset, map[int]bool) {
			var b bitset
			m := map[int]bool{}
			base := r.IntN(300)
			for range r.IntN(20) {
				i := base + r.IntN(200)
				b.set(i)
				m[i] = true
			}
			return b, m
		}
		a, x := make2()
		b, y := make2()
		and, or, minus := a.and(b), a.or(b), a.minus(b)
		meets := false
		for i := range 600 {
			meets = meets || x[i] && y[i]
			if a.has(i) != x[i] || and.has(i) != (x[i] && y[i]) || or.has(i) != (x[i] || y[i]) || minus.has(i) != (x[i] && !y[i]) {
				t.Fatalf("seed %d: %d", seed, i)
			}
		}
		if a.meets(b) != meets || and.empty() == meets || a.empty() != (len(x) == 0) {
			t.Fatalf("seed %d: meets", seed)
		}
		var got []int
		for i := range a.each() {
			got = append(got, i)
		}
		if !slices.IsSorted(got) || len(got) != len(x) {
			t.Fatalf("seed %d: %v of %v", seed, got, x)
		}
	}
	for _, s := range [][2]int{{0, 0}, {0, 64}, {63, 65}, {5, 6}, {64, 128}, {10, 200}} {
		b := span(s[0], s[1])
		for i := range 300 {
			if b.has(i) != (i >= s[0] && i < s[1]) {
				t.Errorf("%v: %d", s, i)
			}
		}
	}
}

// Sets of ports are sets of numbers, and print as what they are.
func TestPorts(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 65))
		make2 := func() (Ports, map[uint16]bool) {
			var p Ports
			m := map[uint16]bool{}
			for range r.IntN(5) {
				from := uint16(1 + r.IntN(40))
				to := from + uint16(r.IntN(10))
				p = p.Union(PortRange(UDP, from, to))
				for i := from; i <= to; i++ {
					m[i] = true
				}
			}
			return p, m
		}
		p, x := make2()
		q, y := make2()
		for i := uint16(1); i < 60; i++ {
			if p.Has(UDP, i) != x[i] || p.Intersect(q).Has(UDP, i) != (x[i] && y[i]) || p.Minus(q).Has(UDP, i) != (x[i] && !y[i]) || p.Union(q).Has(UDP, i) != (x[i] || y[i]) || p.Has(TCP, i) {
				t.Fatalf("seed %d: %d of %s and %s", seed, i, p, q)
			}
		}
		if !p.Minus(q).Union(p.Intersect(q)).Equal(p) || p.count() != len(x) || p.Within(q) != p.Minus(q).Empty() {
			t.Fatalf("seed %d: %s and %s", seed, p, q)
		}
	}
	for want, p := range map[string]Ports{
		"none": {}, "all": AllPorts, "TCP 80,443-445, UDP 53": PortRange(TCP, 443, 445).Union(PortRange(TCP, 80, 80)).Union(PortRange(UDP, 53, 53)),
		"TCP 1-65535": PortRange(TCP, 0, 65535), "OTHER": PortRange(Other, 0, 0), "SCTP 9-10": PortRange(SCTP, 9, 9).Union(PortRange(SCTP, 10, 10)),
	} {
		if p.String() != want {
			t.Errorf("%s, want %s", p, want)
		}
	}
}
