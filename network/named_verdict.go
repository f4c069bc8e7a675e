package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// nameVerdict is a group of policies and a name, which is empty for one that nothing tells apart.
type nameVerdict struct {
	group *group
	name  string
}

// namePeers are the peers that a name can be, and those that it is taken to be one of.
type namePeers struct{ all, certain bitset }

// toName is what may pass from the pods of a class to a named end, wherever that is: it certainly may where that is so for
// every address that the name can have, and possibly where it is for one, or for a pod.
func (m *model) toName(class int, n *Named, note func(Step)) verdict {
	if n.service != nil && note == nil {
		return m.toService(class, n)
	}
	g := m.in[Egress][class]
	key := nameVerdict{group: g}
	if len(n.addrs) > 0 || n.inside != "" || g.admits(n.Name) {
		key.name = n.String() // otherwise it is as any other
	}
	if v, ok := m.toNames[key]; ok && note == nil {
		return v
	}
	v := m.foldName(class, Egress, n, note)
	if m.toNames == nil {
		m.toNames = map[nameVerdict]verdict{}
	}
	if key.name == "" || slices.Contains(m.names, n) { // what somebody asks for once is not kept
		m.toNames[key] = v
	}
	return v
}

// foldName takes every peer that a name can be through the policies of a class.
func (m *model) foldName(class int, d Direction, n *Named, note func(Step)) verdict {
	policies, done := m.as(n.Name, m.in[d][class].policies, d)
	defer done()
	universe, certain := m.peersOfName(n)
	out := verdict{allPorts, noPorts}
	for _, x := range m.fold(m.classes[class], d, universe, policies, note) {
		out.may = m.ports.or(out.may, x.may)
		if x.peers.meets(certain) {
			out.must = m.ports.and(out.must, x.must)
		}
	}
	if n.inside != "" {
		out = m.intoCluster(n, out)
	}
	return out
}

// peersOfName are the peers that a name can be, and those that it is taken to be one of: names are taken to have IPv4
// addresses, as pods are. A name can lead back into the cluster, where a load balancer of the cluster has its address.
func (m *model) peersOfName(n *Named) (all, certain bitset) {
	key := n.addrs.String()
	if p, ok := m.ofName[key]; ok {
		return p.all, p.certain
	}
	if m.ofName == nil {
		m.ofName = map[string]namePeers{}
	}
	defer func() { m.ofName[key] = namePeers{all, certain} }()
	private := m.couldHold(n.addrs) != no
	for i, c := range m.classes {
		known := len(c.Addrs) > 0
		switch {
		case len(n.addrs) > 0 && known && !slices.ContainsFunc(c.pods, func(p *Pod) bool { return slices.ContainsFunc(p.Addrs, n.addrs.has) }):
			continue
		case len(n.addrs) > 0 && !known:
			// The address is somebody else's, unless it comes to be the pod's.
			if private {
				all.set(i)
			}
			continue
		case c.newcomer: // it leads to what there is
		case !known || slices.ContainsFunc(c.pods, func(p *Pod) bool { return slices.ContainsFunc(p.Addrs, netip.Addr.Is4) }):
			certain.set(i)
		}
		all.set(i)
	}
	for i, a := range m.outside {
		switch {
		case len(n.addrs) > 0 && !slices.ContainsFunc(a.ranges, func(r addressRange) bool { return n.addrs.holds(r) != no }):
			continue
		case len(n.addrs) > 0 || sameFamily(a.ranges, families[0]):
			certain.set(len(m.classes) + i)
		}
		all.set(len(m.classes) + i)
	}
	return all, certain
}

// intoCluster: which port leads to which pods is not known of a name, so that all is certain or nothing is.
func (m *model) intoCluster(n *Named, v verdict) verdict {
	governed := slices.ContainsFunc(m.policies, func(p *policy) bool {
		s := &p.dirs[Ingress]
		return (p.namespace == "" || string(p.namespace) == n.inside) && (s.isolates != no || len(s.rules) > 0)
	})
	out := verdict{noPorts, allPorts}
	if m.silent(verdict{v.may, v.may}) {
		out.may = noPorts
	}
	if v.must == allPorts && !governed {
		out.must = allPorts
	}
	return out
}

// evaluateNamed answers for a flow of which an end is a name.
func (c *Connectivity) evaluateNamed(f Flow) Verdict {
	m := c.m
	var out Verdict
	ports := m.ports.id(PortRange(f.Protocol, f.Port, f.Port))
	note := func(s Step) {
		if !slices.ContainsFunc(out.Steps, func(t Step) bool { return t.String() == s.String() }) && s.speaksOf(f.Protocol, f.Port) {
			out.Steps = append(out.Steps, s)
		}
	}
	v, name := open, f.To.Named
	switch {
	case f.From.Pod != nil:
		v = m.toName(f.From.Pod.class, name, note)
	case f.To.Pod != nil:
		name = f.From.Named
		v = m.foldName(f.To.Pod.class, Ingress, name, note)
	}
	if name == nil {
		name = f.From.Named
	}
	must, may := m.ports.and(v.must, ports), m.ports.and(v.may, ports)
	switch {
	case must == ports:
		out.Answer = Allowed
	case may == noPorts:
		out.Answer = Denied
	}
	out.Reason = out.reason(may != noPorts, no)
	if out.Answer == Undecided {
		why := fmt.Sprintf("what %s resolves to is not known", name.Name)
		switch {
		case name.Kind == "Service":
			why = fmt.Sprintf("%s/%s has no selector: where it leads is not known", name.Namespace, name.Name)
		case name.Kind == "Knative":
			why = fmt.Sprintf("which pods Knative makes for %s/%s is not known", name.Namespace, name.Name)
		case name.inside != "":
			why = fmt.Sprintf("%s is a Service of the cluster that was not seen, or has no selector", name.Name)
		case len(name.addrs) > 0:
			why = fmt.Sprintf("%s has several addresses", name.Name)
		}
		out.Reason = strings.TrimSuffix(why+": "+out.Reason, ": ")
	}
	return out
}
