package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
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
			spec, open, some := r.ports(d, raw, append(slices.Clone(at), f))
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
			out.doubt = "protocols beside TCP and UDP, and ports by name of several peers, are not told apart"
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
func (r *ciliumReader) ports(d Direction, raw json.RawMessage, at []any) (out portSpec, open Ports, some bool) {
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
			open = open.Union(r.port(d, &ports[j], &out))
		}
	}
	return out, open, some
}

// port adds one to a spec. The protocol ANY is TCP and UDP, and SCTP where it is enabled; port 0 is every port.
func (r *ciliumReader) port(d Direction, p *ciliumPort, out *portSpec) (open Ports) {
	text := strings.ToLower(strings.Trim(string(p.Port), `"`))
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
	var protocols []Protocol
	any := false
	switch protocol := strings.ToUpper(p.Protocol); protocol {
	case "", "ANY":
		any, protocols = true, []Protocol{TCP, UDP}
	case "TCP", "UDP", "SCTP":
		known, _ := ParseProtocol(protocol)
		protocols = []Protocol{known}
	default: // ICMP and others, of which one is not told from the next
		return otherOnly
	}
	if named {
		if any {
			protocols = append(protocols, SCTP)
		}
		return r.named(d, text, protocols, out)
	}
	for _, protocol := range protocols {
		out.ports = out.ports.Union(add(protocol))
	}
	if any {
		open = add(SCTP)
		if n == 0 {
			open = open.Union(otherOnly)
		}
	}
	return open
}

// named adds a port by its name. It is the pod's own where it is connected to. Of peers it is one number for all that a rule
// selects, which a name of two numbers is not: among the endpoints of the cluster, or, in newer versions, among those that
// the rule selects (pkg/types/portmap.go, GetNamedPort). What is sure is a name of one number, of peers that have it.
func (r *ciliumReader) named(d Direction, name string, protocols []Protocol, out *portSpec) (open Ports) {
	r.uses.ports[name] = true
	for _, protocol := range protocols {
		if d == Egress {
			numbers := r.portsNamed(name, protocol)
			open = open.Union(numbers)
			if numbers.count() > 1 {
				continue
			}
		}
		out.named = append(out.named, namedPort{name: name, protocol: protocol})
	}
	return open
}

// portsNamed are all that a name stands for in the pods of the cluster, which are looked through once.
func (b *builder) portsNamed(name string, protocol Protocol) Ports {
	if b.numbers == nil {
		b.numbers = map[namedPort]Ports{}
		for _, p := range podsOf(b.workloads) {
			if p.Host() {
				continue
			}
			for _, port := range p.namedPorts() {
				of := cmp.Or(port.Protocol, corev1.ProtocolTCP)
				if protocol, ok := protocolOf(&of); ok {
					n := namedPort{name: port.Name, protocol: protocol}
					b.numbers[n] = b.numbers[n].Union(portRangeOf(protocol, port.ContainerPort, port.ContainerPort))
				}
			}
		}
	}
	return b.numbers[namedPort{name: name, protocol: protocol}]
}
