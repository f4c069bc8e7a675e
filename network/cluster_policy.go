package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// The policies of sigs.k8s.io/network-policy-api: AdminNetworkPolicy and BaselineAdminNetworkPolicy (apis/v1alpha1), and
// ClusterNetworkPolicy (apis/v1alpha2), which took their place. Only the fields that decide are read. A rule with a peer of
// a kind that is not known here fails closed, as the API asks: one that accepts matches nothing, and one that denies or
// passes denies all.
type clusterPolicy struct {
	Spec struct {
		Tier     string
		Priority *int32
		Subject  struct {
			Namespaces *metav1.LabelSelector
			Pods       *podsOfNamespaces
		}
		Ingress, Egress []clusterRule
	}
}

type podsOfNamespaces struct {
	NamespaceSelector, PodSelector metav1.LabelSelector
}

type clusterRule struct {
	Name, Action string
	From, To     []map[string]json.RawMessage
	Ports        *[]struct { // v1alpha1
		PortNumber *struct {
			Protocol string
			Port     int32
		}
		NamedPort *string
		PortRange *struct {
			Protocol   string
			Start, End int32
		}
	}
	Protocols []map[string]json.RawMessage // v1alpha2
}

var clusterKinds = map[string]tier{"AdminNetworkPolicy": adminTier, "BaselineAdminNetworkPolicy": baselineTier, "ClusterNetworkPolicy": adminTier}

const policyAPI = "policy.networking.k8s.io"

func (b *builder) clusterPolicies() {
	for _, kind := range []string{"AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"} {
		gk := schema.GroupKind{Group: policyAPI, Kind: kind}
		for o := range b.inv.ByKind(gk) {
			b.clusterPolicy(o, clusterKinds[kind])
		}
	}
}

func (b *builder) clusterPolicy(o *inventory.Object, t tier) {
	var c clusterPolicy
	if err := json.Unmarshal(o.JSON(), &c); err != nil {
		why := b.note(o, []any{"spec"}, "it cannot be read: %v", err)
		b.opaque(o, "", why, func(*class) truth { return maybe }, Ingress, Egress)
		return
	}
	p := &policy{object: o, tier: t}
	if c.Spec.Tier == "Baseline" {
		p.tier = baselineTier
	}
	if c.Spec.Priority != nil {
		p.order = float64(*c.Spec.Priority)
	}
	var refused string
	p.selects, refused = b.clusterSubject(&c)
	if refused != "" {
		p.doubt = b.note(o, []any{"spec", "subject"}, "the API server refuses the policy: %s", refused)
		p.selects = func(*class) truth { return maybe }
	}
	p.selects = b.asSubject(p.selects, true)
	for d, rules := range [][]clusterRule{Ingress: c.Spec.Ingress, Egress: c.Spec.Egress} {
		for i := range rules {
			at := []any{"spec", Direction(d).String(), i}
			out, refused := b.clusterRule(o, Direction(d), &rules[i], at)
			if refused != "" && o.Strength() < inventory.Observed { // what runs was accepted
				p.doubt = refused
			}
			p.dirs[d].rules = append(p.dirs[d].rules, out...)
		}
	}
	b.policies = append(b.policies, p)
}

func (b *builder) clusterSubject(c *clusterPolicy) (func(*class) truth, string) {
	s := &c.Spec.Subject
	switch {
	case s.Pods != nil:
		matches, _, refused := b.podsIn(s.Pods)
		return matches, refused
	case s.Namespaces != nil:
		in, _, refused := b.namespaceSelector(s.Namespaces)
		return func(c *class) truth { return in(c.in) }, refused
	}
	return nil, "it has no subject"
}

func (b *builder) podsIn(p *podsOfNamespaces) (matches func(*class) truth, key, refused string) {
	pods, podKey, refused := b.labelSelector(&p.PodSelector)
	if refused != "" {
		return nil, "", refused
	}
	in, nsKey, refused := b.namespaceSelector(&p.NamespaceSelector)
	if refused != "" {
		return nil, "", refused
	}
	return both(pods, in), nsKey + "\x00" + podKey, ""
}

// clusterRule reads one rule, which becomes two where only some of what it does is certain; refused says why the API server
// would not take it.
func (b *builder) clusterRule(o *inventory.Object, d Direction, c *clusterRule, at []any) (out []rule, refused string) {
	r := rule{path: at}
	switch c.Action {
	case "Accept", "Allow":
		r.action = allow
	case "Deny":
		r.action = deny
	case "Pass":
		r.action = pass
	default:
		refused = b.note(o, append(slices.Clone(at), "action"), "action %q is not known here", c.Action)
		r.peers, r.ports, r.doubt = world, portSpec{ports: AllPorts}, refused
		return []rule{r, {action: deny, path: at, peers: world, ports: r.ports, doubt: refused}}, refused
	}
	peers, field := c.From, "from"
	if len(c.To) > 0 {
		peers, field = c.To, "to"
	}
	closed := ""
	for i, p := range peers {
		path := append(slices.Clone(at), field, i)
		ps, doubt, bad := b.clusterPeer(o, d, p)
		switch {
		case bad != "":
			refused = b.note(o, path, "the API server refuses the policy: %s", bad)
		case doubt != "":
			b.note(o, path, "%s", doubt)
			if len(ps) == 0 {
				closed = doubt
			}
		}
		r.peers = append(r.peers, ps...)
	}
	var doubt string
	if r.ports, doubt = b.clusterPorts(c); doubt != "" {
		b.note(o, at, "%s", doubt)
	}
	switch {
	case closed == "":
	case r.action == allow:
		// Whether the other peers count where one is not known is not said of every version.
		r.doubt = closed
	default:
		r.action, r.peers = deny, world
		doubt = cmp.Or(doubt, closed) // all is all ports, if taken at its word
	}
	if len(r.ports.named) > 0 && slices.ContainsFunc(peers, hasNoPods) {
		refused = b.note(o, at, "the API server refuses the policy: ports by name are of pods, and a peer has none")
	}
	out = []rule{r}
	if all := (portSpec{ports: AllPorts}); doubt != "" && !r.ports.ports.Equal(AllPorts) {
		out = append(out, rule{action: r.action, path: at, peers: r.peers, ports: all, doubt: doubt})
	}
	return out, refused
}

// addressPeers are kinds of peers that rules of ingress do not have; the first can be pods.
var addressPeers = []string{"networks", "nodes", "domainNames"}

func hasNoPods(p map[string]json.RawMessage) bool {
	return slices.ContainsFunc(addressPeers[1:], func(f string) bool { _, ok := p[f]; return ok })
}

// clusterPeer reads one peer; no peers with a doubt is one of a kind that is not known.
func (b *builder) clusterPeer(o *inventory.Object, d Direction, p map[string]json.RawMessage) (out []peer, doubt, refused string) {
	for field, raw := range p {
		if d == Ingress && slices.Contains(addressPeers, field) {
			return nil, fmt.Sprintf("peers by %q are not known of ingress", field), ""
		}
		switch field {
		case "namespaces":
			var s metav1.LabelSelector
			if json.Unmarshal(raw, &s) != nil {
				return nil, "", "namespaces cannot be read"
			}
			in, key, refused := b.namespaceSelector(&s)
			if refused != "" {
				return nil, "", refused
			}
			out = append(out, peer{pods: b.asPeer(func(c *class) truth { return in(c.in) }, true), spaces: in, key: "namespaces " + key})
		case "pods":
			var s podsOfNamespaces
			if json.Unmarshal(raw, &s) != nil {
				return nil, "", "pods cannot be read"
			}
			matches, key, refused := b.podsIn(&s)
			if refused != "" {
				return nil, "", refused
			}
			out = append(out, peer{pods: b.asPeer(matches, true), key: "always " + key})
		case "networks":
			var cidrs []string
			if json.Unmarshal(raw, &cidrs) != nil {
				return nil, "", "networks cannot be read"
			}
			for _, cidr := range cidrs {
				r, ok := rangeOf(cidr)
				if !ok {
					return nil, "", fmt.Sprintf("%q is no CIDR", cidr)
				}
				block := prefixes{r}
				b.blocks.id(block)
				out = append(out, b.blockPeer(block))
			}
		case "nodes":
			var s metav1.LabelSelector
			if json.Unmarshal(raw, &s) != nil {
				return nil, "", "nodes cannot be read"
			}
			ps, why, refused := b.nodePeers(&s)
			if refused != "" {
				return nil, "", refused
			}
			out, doubt = append(out, ps...), why
		case "domainNames":
			var names []string
			if json.Unmarshal(raw, &names) != nil {
				return nil, "", "domainNames cannot be read"
			}
			out = append(out, b.byName(o, []peer{{everybody: true, doubt: "what domain names resolve to is not known"}},
				each(names, func(n string) namePattern { return namePattern{n, true} })...)...)
			doubt = "what domain names resolve to is not known"
		default:
			return nil, fmt.Sprintf("peers by %q are not known here", field), ""
		}
	}
	if len(p) == 0 {
		return nil, "a peer is empty", ""
	}
	return out, doubt, ""
}

// clusterPorts: no ports and no protocols are every protocol.
func (b *builder) clusterPorts(c *clusterRule) (out portSpec, doubt string) {
	switch {
	case c.Ports == nil && len(c.Protocols) == 0:
		return portSpec{ports: AllPorts}, ""
	case c.Ports != nil && len(*c.Ports) == 0:
		return portSpec{}, "what an empty list of ports is depends on the plugin"
	}
	add := func(protocol string, from, to int32) {
		p, err := ParseProtocol(protocol)
		if err != nil {
			doubt = err.Error()
			return
		}
		out.ports = out.ports.Union(portRangeOf(p, from, to))
	}
	name := func(name string) {
		b.uses.ports[name] = true
		out.named = append(out.named, namedPort{name: name, any: true})
	}
	if c.Ports != nil {
		for _, p := range *c.Ports {
			switch {
			case p.PortNumber != nil:
				add(p.PortNumber.Protocol, p.PortNumber.Port, p.PortNumber.Port)
			case p.PortRange != nil:
				add(p.PortRange.Protocol, p.PortRange.Start, p.PortRange.End)
			case p.NamedPort != nil:
				name(*p.NamedPort)
			default:
				doubt = "a port is of no known kind"
			}
		}
	}
	for _, p := range c.Protocols {
		for field, raw := range p {
			switch field {
			case "tcp", "udp", "sctp":
				var v struct {
					DestinationPort *struct {
						Number *int32
						Range  *struct{ Start, End int32 }
					}
				}
				if json.Unmarshal(raw, &v) != nil {
					doubt = field + " cannot be read"
				}
				switch {
				case v.DestinationPort == nil:
					add(field, 1, lastPort)
				case v.DestinationPort.Number != nil:
					add(field, *v.DestinationPort.Number, *v.DestinationPort.Number)
				case v.DestinationPort.Range != nil:
					add(field, v.DestinationPort.Range.Start, v.DestinationPort.Range.End)
				}
			case "destinationNamedPort":
				var v string
				if json.Unmarshal(raw, &v) != nil {
					doubt = field + " cannot be read"
				}
				name(v)
			default:
				doubt = fmt.Sprintf("protocol %q is not known here", field)
			}
		}
	}
	return out, doubt
}
