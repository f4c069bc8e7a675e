package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// calicoEntity is one side of a rule.
type calicoEntity struct {
	Nets, NotNets, Domains                   []string
	Selector, NotSelector, NamespaceSelector string
	Ports, NotPorts                          []json.RawMessage
	ServiceAccounts                          *struct {
		Names    []string
		Selector string
	}
	other []string // fields that are not evaluated
}

var calicoEntityFields = []string{"nets", "notNets", "domains", "selector", "notSelector", "namespaceSelector", "ports", "notPorts", "serviceAccounts"}

func (e *calicoEntity) UnmarshalJSON(raw []byte) error {
	type plain calicoEntity
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for _, f := range fieldsOf(fields) {
		if !slices.Contains(calicoEntityFields, f) {
			e.other = append(e.other, f)
		}
	}
	return json.Unmarshal(raw, (*plain)(e))
}

// selects tells whether a side asks for endpoints or sets, by which a policy of a namespace is limited to it.
func (e *calicoEntity) selects() bool {
	return e.Selector+e.NotSelector+e.NamespaceSelector != "" || e.byAccount()
}

// byAccount: service accounts without a name and a selector are all, and limit nothing
// (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go, parseServiceAccounts).
func (e *calicoEntity) byAccount() bool {
	return e.ServiceAccounts != nil && (len(e.ServiceAccounts.Names) > 0 || e.ServiceAccounts.Selector != "")
}

// rule reads one rule, which becomes two where only some of its ports are certain; Log decides nothing.
func (r *calicoReader) rule(d Direction, fields map[string]json.RawMessage, at []any) ([]rule, error) {
	out := rule{path: at}
	doubt := func(format string, args ...any) { out.doubt = r.note(r.object, at, format, args...) }
	var action string
	var protocol, notProtocol json.RawMessage
	var sides [2]calicoEntity // source, destination
	for _, f := range fieldsOf(fields) {
		raw := fields[f]
		var err error
		switch f {
		case "action":
			err = json.Unmarshal(raw, &action)
		case "protocol":
			protocol = raw
		case "notProtocol":
			notProtocol = raw
		case "source":
			err = json.Unmarshal(raw, &sides[0])
		case "destination":
			err = json.Unmarshal(raw, &sides[1])
		case "metadata":
		case "ipVersion":
			doubt("the version of IP is not told apart")
		default: // http, icmp, notICMP
			doubt("%s is not evaluated", f)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", f, err)
		}
	}
	switch action {
	case "Allow":
		out.action = allow
	case "Deny":
		out.action = deny
	case "Pass":
		out.action = pass
	case "Log":
		return nil, nil
	default:
		return nil, fmt.Errorf("action %q is not known here", action)
	}
	other, own := &sides[0], &sides[1]
	if d == Egress {
		other, own = own, other
	}
	if own.selects() || len(own.Nets)+len(own.NotNets) > 0 {
		doubt("whom a rule governs beside the policy's selector is not evaluated")
	}
	if len(sides[0].Ports)+len(sides[0].NotPorts) > 0 {
		doubt("ports of the source are not evaluated")
	}
	for _, f := range slices.Concat(own.other, other.other) {
		doubt("%s is not evaluated", f)
	}
	var unsure portSpec
	var err error
	if out.ports, unsure, err = r.ports(protocol, notProtocol, sides[1].Ports, sides[1].NotPorts, doubt); err != nil {
		return nil, err
	}
	if out.peers, err = r.peers(other, at, doubt); err != nil {
		return nil, err
	}
	rules := []rule{out}
	if !unsure.ports.Empty() || len(unsure.named) > 0 {
		out.ports = unsure
		out.doubt = cmp.Or(out.doubt, "protocols beside TCP, UDP and SCTP, and ports by name without others, are not told apart")
		rules = append(rules, out)
	}
	return rules, nil
}

// calicoProtocol reads a protocol by name or number; what has no ports, or other ones, is one of many.
func calicoProtocol(raw json.RawMessage) Protocol {
	switch strings.ToUpper(strings.Trim(string(raw), `"`)) {
	case "TCP", "6":
		return TCP
	case "UDP", "17":
		return UDP
	case "SCTP", "132":
		return SCTP
	}
	return Other
}

// ports are what a rule is about; unsure are those that it is about in part.
func (r *calicoReader) ports(protocol, notProtocol json.RawMessage, ports, notPorts []json.RawMessage, doubt func(string, ...any)) (out, unsure portSpec, err error) {
	transports := AllPorts.Minus(PortRange(Other, 0, 0))
	of := AllPorts
	switch {
	case given(protocol) && calicoProtocol(protocol) == Other:
		of, unsure.ports = Ports{}, otherOnly
	case given(protocol):
		of = protocolPorts(calicoProtocol(protocol))
	}
	switch {
	case given(notProtocol) && calicoProtocol(notProtocol) == Other:
		if of.Other() {
			of, unsure.ports = of.Minus(PortRange(Other, 0, 0)), otherOnly
		}
	case given(notProtocol):
		of = of.Minus(protocolPorts(calicoProtocol(notProtocol)))
	}
	if len(ports) > 0 && !given(protocol) {
		doubt("ports need a protocol")
		of = of.Intersect(transports)
	}
	out.ports = of
	if len(ports) > 0 {
		out.ports = Ports{}
	}
	for _, raw := range ports {
		from, to, name, err := calicoPort(raw)
		if err != nil {
			return out, unsure, err
		}
		if name == "" {
			out.ports = out.ports.Union(of.Intersect(everyProtocol(from, to)))
			continue
		}
		r.uses.ports[name] = true
		for _, p := range []Protocol{TCP, UDP, SCTP} {
			if len(of.of().spans[p]) > 0 {
				out.named = append(out.named, namedPort{name: name, protocol: p})
			}
		}
	}
	for _, raw := range notPorts {
		from, to, name, err := calicoPort(raw)
		if err != nil {
			return out, unsure, err
		}
		if name != "" {
			doubt("ports by name are not taken from others")
			continue
		}
		out.ports = out.ports.Minus(everyProtocol(from, to))
	}
	if len(notPorts) > 0 {
		out.named, unsure.named = nil, out.named
	}
	return out, unsure, nil
}

func everyProtocol(from, to uint16) Ports {
	if to == 0 {
		return Ports{}
	}
	return PortRange(TCP, from, to).Union(PortRange(UDP, from, to)).Union(PortRange(SCTP, from, to))
}

// calicoPort reads a number, a range "80:90" or a name.
func calicoPort(raw json.RawMessage) (from, to uint16, name string, err error) {
	text := strings.Trim(string(raw), `"`)
	low, high, ranged := strings.Cut(text, ":")
	if !ranged {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	end, err2 := strconv.ParseUint(high, 10, 16)
	switch {
	case err1 == nil && err2 == nil && first <= end:
		return uint16(first), uint16(end), "", nil
	case ranged || text == "" || strings.Trim(text, "0123456789") == "":
		return 0, 0, "", fmt.Errorf("%q is no port", text)
	}
	return 0, 0, text, nil
}
