package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// prefixes are address ranges, from first to last.
type prefixes []addressRange

type addressRange struct{ first, last netip.Addr }

// blockOf is a block without its exceptions. Addresses are read as the API server reads stored ones, leading zeros and
// host bits included; what cannot be read allows nothing.
func blockOf(b *networkingv1.IPBlock) prefixes {
	whole, ok := rangeOf(b.CIDR)
	if !ok {
		return nil
	}
	out := prefixes{whole}
	for _, e := range b.Except {
		hole, ok := rangeOf(e)
		if !ok || hole.first.BitLen() != whole.first.BitLen() {
			continue
		}
		out = out.without(hole)
	}
	return out
}

// without takes a range away.
func (ps prefixes) without(hole addressRange) prefixes {
	var out prefixes
	for _, r := range ps {
		if hole.first.BitLen() != r.first.BitLen() || hole.last.Less(r.first) || r.last.Less(hole.first) {
			out = append(out, r)
			continue
		}
		if r.first.Less(hole.first) {
			out = append(out, addressRange{r.first, hole.first.Prev()})
		}
		if hole.last.Less(r.last) {
			out = append(out, addressRange{hole.last.Next(), r.last})
		}
	}
	return out
}

func rangeOf(cidr string) (addressRange, bool) {
	host, length, ok := strings.Cut(strings.TrimSpace(cidr), "/")
	first, valid := parseAddr(host)
	ones, err := strconv.Atoi(length)
	if !ok || !valid || err != nil || ones < 0 || ones > first.BitLen() {
		return addressRange{}, false
	}
	last := first.AsSlice()
	start := slices.Clone(last)
	for i := ones; i < first.BitLen(); i++ {
		last[i/8] |= 1 << (7 - i%8)
		start[i/8] &^= 1 << (7 - i%8)
	}
	from, _ := netip.AddrFromSlice(start)
	to, _ := netip.AddrFromSlice(last)
	return addressRange{from, to}, true
}

// parseAddr reads IPv4 with leading zeros as decimal, as ParseIPSloppy of k8s.io/utils does.
func parseAddr(s string) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		a, err := netip.ParseAddr(s)
		return a, err == nil && a.Zone() == ""
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}

// families are all addresses of IPv4, and of IPv6.
var families = func() []addressRange {
	v4, _ := rangeOf("0.0.0.0/0")
	v6, _ := rangeOf("::/0")
	return []addressRange{v4, v6}
}()
