package network

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestParsePorts(t *testing.T) {
	for _, bad := range []string{"", "TCP", "TCP ", "80", "TCP 0", "TCP 80-", "TCP 90-80", "TCP 70000", "HTTP 80", "TCP 80,", "TCP 80 UDP 53", "OTHER 1", "TCP 80, ", "TCP 80, 90"} {
		if p, err := ParsePorts(bad); err == nil {
			t.Errorf("%q is read as %s", bad, p)
		}
	}
	for seed := range uint64(500) {
		p := randomPorts(rand.New(rand.NewPCG(seed, 3)))
		got, err := ParsePorts(p.String())
		if p.All() {
			p = AllPorts
		}
		if err != nil || !got.Equal(p) {
			t.Errorf("%s is read as %s: %v", p, got, err)
		}
	}
}

func randomPorts(r *rand.Rand) Ports {
	out := []Ports{{}, AllPorts, PortRange(Other, 0, 0)}[r.IntN(3)]
	for range r.IntN(6) {
		from := 1 + r.IntN(lastPort)
		p := PortRange(Protocol(r.IntN(3)), uint16(from), uint16(from+r.IntN(min(lastPort-from, 100)+1)))
		if r.IntN(3) == 0 {
			out = out.Minus(p)
		} else {
			out = out.Union(p)
		}
	}
	return out
}

func TestParseAddresses(t *testing.T) {
	for _, bad := range []string{"", "somewhere", "10.0.0.0/33", "10.0.0.2-10.0.0.1", "10.0.0.1-::1", "10.0.0.1,", "fe80::1%eth0"} {
		if a, err := ParseAddresses(bad); err == nil {
			t.Errorf("%q is read as %s", bad, a)
		}
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		var x blockIndex
		for range 1 + r.IntN(3) {
			from := netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(256)), byte(r.IntN(256))})
			x.id(prefixes{{from, lastOf(netip.PrefixFrom(from, r.IntN(33)))}})
			six := netip.AddrFrom16([16]byte{0xfd, byte(r.IntN(3)), 15: byte(r.IntN(256))})
			x.id(prefixes{{six, six}})
		}
		for _, a := range x.split() {
			got, err := ParseAddresses(a.String())
			if err != nil || got.String() != a.String() {
				t.Errorf("%s is read as %v: %v", a, got, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("TCP 80,443-450, UDP 53, OTHER")
	f.Add("everywhere")
	f.Add("10.0.0.0/8,::1,10.0.0.1-10.0.0.7")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePorts(text); err == nil {
			if q, err := ParsePorts(p.String()); err != nil || q.String() != p.String() {
				t.Errorf("%q is %s, and that %s: %v", text, p, q, err)
			}
		}
		if a, err := ParseAddresses(text); err == nil {
			if b, err := ParseAddresses(a.String()); err != nil || b.String() != a.String() {
				t.Errorf("%q is %s, and that %v: %v", text, a, b, err)
			}
		}
	})
}
