package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ParsePorts reads what [Ports.String] writes, such as "TCP 80,443-450, UDP 53". Every port of TCP, UDP and SCTP is "all", of
// which the text does not tell whether other protocols are among it: they are.
func ParsePorts(text string) (Ports, error) {
	switch text {
	case "none":
		return Ports{}, nil
	case "all":
		return AllPorts, nil
	}
	var out Ports
	protocol, named := TCP, false
	for word := range strings.SplitSeq(text, ",") {
		word, spaced := strings.CutPrefix(word, " ")
		name, spans, two := strings.Cut(word, " ")
		if spaced || !named {
			var err error
			if protocol, err = ParseProtocol(name); err != nil || name == "" {
				return Ports{}, fmt.Errorf("ports %q: %q is no protocol", text, name)
			}
			named = true
			if protocol == Other && !two {
				out = out.Union(otherOnly)
				continue
			}
			word = spans
		}
		s, ok := parseSpan(word)
		if !ok || protocol == Other {
			return Ports{}, fmt.Errorf("ports %q: %q is no port, or range of ports", text, word)
		}
		out = out.Union(PortRange(protocol, s.From, s.To))
	}
	return out, nil
}

func parseSpan(text string) (Span, bool) {
	first, last, two := strings.Cut(text, "-")
	if !two {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	return Span{uint16(from), uint16(to)}, err == nil && err2 == nil && from >= 1 && from <= to
}

// ParseAddresses reads what [Addresses.String] writes: "everywhere", or CIDRs, addresses and ranges such as
// "10.0.0.0-10.0.2.255", joined by commas.
func ParseAddresses(text string) (*Addresses, error) {
	out := &Addresses{}
	if text == "everywhere" {
		out.ranges = append(out.ranges, families...)
		return out, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		first, last, two := strings.Cut(word, "-")
		from, err := netip.ParseAddr(first)
		to := from
		if two && err == nil {
			to, err = netip.ParseAddr(last)
		}
		switch r, ok := rangeOf(word); {
		case ok:
			from, to = r.first, r.last
		case err != nil || from.Zone() != "" || to.Zone() != "" || from.BitLen() != to.BitLen() || to.Less(from):
			return nil, fmt.Errorf("addresses %q: %q is no CIDR, address or range", text, word)
		}
		out.ranges = append(out.ranges, addressRange{from, to})
	}
	return out, nil
}
