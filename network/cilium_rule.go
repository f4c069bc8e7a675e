package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rule reads one rule, which becomes two where only some of its ports are certain.
func (r *ciliumReader) rule(d Direction, a action, fields map[string]json.RawMessage, at []any) []rule {
	out := rule{action: a, path: at, ports: portSpec{ports: AllPorts}}
	doubt := func(format string, args ...any) { out.doubt = r.note(r.object, at, format, args...) }
	var unsure Ports
	limited, kinds, empty := false, 0, false
	for _, f := range fieldsOf(fields) {
		raw := fields[f]
		switch f {
		case "toPorts":
			spec, open, some := r.ports(raw, append(slices.Clone(at), f))
			if some {
				out.ports, unsure, limited = spec, unsure.Union(open), true
			}
		case "icmps":
			// Beside ports it is ignored (pkg/policy/api/ingress.go, ICMPs).
			r.note(r.object, append(slices.Clone(at), f), "types of ICMP are not told apart")
			if !limited && !given(fields["toPorts"]) {
				out.ports, unsure, limited = portSpec{}, otherOnly, true
			}
		case "authentication":
			var v struct{ Mode string }
			if json.Unmarshal(raw, &v) != nil || v.Mode != "disabled" && v.Mode != "" {
				doubt("whether peers authenticate is not known")
			}
		case "fromRequires", "toRequires":
			r.requires[d] = true
			out.doubt = "requirements of peers are not evaluated"
		default:
			member, ok := strings.CutPrefix(f, [...]string{"from", "to"}[d])
			if !ok {
				member = ""
			}
			peers, some, known := r.peers(member, raw, append(slices.Clone(at), f))
			switch {
			case !known:
				doubt("%s is not known here", f)
				peers = world
				kinds++
			case some:
				kinds++
			default:
				empty = true
			}
			out.peers = append(out.peers, peers...)
		}
	}
	switch {
	case kinds > 1:
		r.refused = "a rule combines several kinds of peers"
	case kinds == 1:
	case empty:
		out.peers = world
		doubt("whether an empty list of peers selects nobody or everybody depends on Cilium's version")
	case !limited:
		// Without ports, rules were added peer by peer, of which there are none; newer versions take it for everybody.
		out.peers = world
		doubt("whether an empty rule matches nobody or everybody depends on Cilium's version")
	default:
		out.peers = world
	}
	rules := []rule{out}
	if !unsure.Empty() {
		out.ports = portSpec{ports: unsure}
		if out.doubt == "" {
			out.doubt = "protocols beside TCP and UDP are not told apart"
		}
		rules = append(rules, out)
	}
	return rules
}

// ciliumPort is a port as users write it.
type ciliumPort struct {
	Port     json.RawMessage
	EndPort  int32
	Protocol string
}

// ports reads toPorts; open are those that the rule may be about as well. Rules for what connections carry restrict the
// content: the port is reachable nevertheless.
func (r *ciliumReader) ports(raw json.RawMessage, at []any) (out portSpec, open Ports, some bool) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		r.refused = err.Error()
		return portSpec{}, AllPorts, true
	}
	for i, fields := range list {
		some = true
		var ports []ciliumPort
		for _, f := range fieldsOf(fields) {
			raw := fields[f]
			switch f {
			case "ports":
				if err := json.Unmarshal(raw, &ports); err != nil {
					r.refused = err.Error()
					open = AllPorts
				}
			case "rules", "terminatingTLS", "originatingTLS", "serverNames", "listener":
				r.note(r.object, append(slices.Clone(at), i, f), "what is let through on the ports is restricted further")
			default:
				r.note(r.object, append(slices.Clone(at), i, f), "%s is not known here", f)
				open = AllPorts
			}
		}
		if len(ports) == 0 {
			r.note(r.object, append(slices.Clone(at), i), "what no ports are depends on Cilium's version")
			open = AllPorts
		}
		for j := range ports {
			open = open.Union(r.port(&ports[j], &out))
		}
	}
	return out, open, some
}

// port adds one to a spec. The protocol ANY is TCP and UDP, and SCTP where it is enabled; port 0 is every port.
func (r *ciliumReader) port(p *ciliumPort, out *portSpec) (open Ports) {
	text := strings.Trim(string(p.Port), `"`)
	n, err := strconv.ParseUint(text, 10, 16)
	named := err != nil && text != "" && text != "null" && strings.Trim(text, "0123456789") != ""
	if err != nil && !named && text != "" && text != "null" {
		r.refused = fmt.Sprintf("%q is no port", text)
		return AllPorts
	}
	add := func(protocol Protocol) Ports {
		switch {
		case n == 0:
			return protocolPorts(protocol)
		case p.EndPort > int32(n):
			return portRangeOf(protocol, int32(n), p.EndPort)
		}
		return PortRange(protocol, uint16(n), uint16(n))
	}
	if named {
		r.uses.ports[text] = true
	}
	switch protocol := strings.ToUpper(p.Protocol); protocol {
	case "", "ANY":
		switch {
		case named:
			out.named = append(out.named, namedPort{name: text, any: true})
		case n == 0:
			out.ports = AllPorts
		default:
			out.ports = out.ports.Union(add(TCP)).Union(add(UDP))
			return add(SCTP)
		}
	case "TCP", "UDP", "SCTP":
		known, _ := ParseProtocol(protocol)
		if named {
			out.named = append(out.named, namedPort{name: text, protocol: known})
		} else {
			out.ports = out.ports.Union(add(known))
		}
	default: // ICMP and others, of which one is not told from the next
		return otherOnly
	}
	return Ports{}
}
