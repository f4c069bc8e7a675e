package network

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// findNamed is the end that a text names: a host, or "namespace/name" of an object that stands for one.
func (c *Connectivity) findNamed(text string) *Named {
	if namespace, name, ok := strings.Cut(text, "/"); ok {
		if s := c.m.services.get(serviceKey{namespace, name}); s != nil && s.Spec.Type != corev1.ServiceTypeExternalName {
			return serviceEnd(namespace, name, s)
		}
		i := slices.IndexFunc(c.m.names, func(n *Named) bool {
			return slices.ContainsFunc(n.Objects, func(o *inventory.Object) bool {
				return o.Namespace() == namespace && o.Name() == name && (o.GroupKind() == knativeServiceKind || o.GroupKind() == serviceEntryKind || o.GroupKind().Group == "")
			})
		})
		if i < 0 {
			return nil
		}
		return c.m.names[i]
	}
	if !isHost(text) {
		return nil
	}
	n := &Named{Kind: "Name", Name: hostName(text), Ports: AllPorts}
	if i := slices.IndexFunc(c.m.names, func(x *Named) bool { return x.Kind == n.Kind && x.Name == n.Name }); i >= 0 {
		return c.m.names[i]
	}
	namespace, name := insideOf(n.Name)
	n.inside, n.service = namespace, selecting(c.m.services.get(serviceKey{namespace, name}))
	return n
}

// maxPolicyNames are the names in policies alone up to which each is an end of edges for every pod. Beyond, those that the
// policies of a pod do not admit by name are one end for it, as addresses are that nothing tells apart: a cluster with a
// thousand names and a thousand workloads would have a million edges else, of which nearly all say the same.
const maxPolicyNames = 10

// otherNames stands for them.
var otherNames = &Named{Kind: "Name", Name: "other names", Ports: AllPorts}

func (m *model) manyNames() bool {
	n := 0
	for _, x := range m.names {
		n += b2i(!x.declared)
	}
	return n > maxPolicyNames
}

// NamedPlaces are the named ends that a map has, whether something leads to them or not, in order: all, unless there are
// many that policies alone speak of.
func (z *Zones) NamedPlaces() []Place {
	var out []Place
	many := z.m.manyNames()
	for _, n := range z.m.names {
		if n.declared || !many {
			out = append(out, n.Place())
		}
	}
	return out
}

// namedEdges finds what may pass from a unit to named ends.
func (v *view) namedEdges(u *unit) []Edge {
	m := v.m
	if len(m.names) == 0 {
		return nil
	}
	var out []Edge
	add := func(n *Named, all verdict) {
		must, may := m.ports.sets[all.must].Intersect(n.Ports), m.ports.sets[all.may].Intersect(n.Ports)
		if !may.Minus(PortRange(Other, 0, 0)).Empty() {
			to := n.Place()
			out = append(out, Edge{From: &u.place, To: &to, Must: must, May: may})
		}
	}
	many, others := m.manyNames(), closed
	for _, n := range m.names {
		all := closed
		for _, s := range u.classes {
			all = m.join2(all, m.toName(s.class, n, nil))
		}
		if many && !n.declared && !slices.ContainsFunc(u.classes, func(s share) bool { return m.in[Egress][s.class].admits(n.Name) }) {
			others = m.join2(others, all)
		} else {
			add(n, all)
		}
	}
	add(otherNames, others)
	slices.SortFunc(out, func(a, b Edge) int { return a.To.Compare(*b.To) })
	return out
}

// namedFromOutside finds the named ends that are reached from outside: the ways to them are not known.
func (m *model) namedFromOutside() []Edge {
	var out []Edge
	all := &Addresses{ranges: families}
	from := &Place{Kind: "Outside", Name: all.String(), Addresses: all}
	for _, n := range m.names {
		if n.Public {
			to := n.Place()
			out = append(out, Edge{From: from, To: &to, May: n.Ports})
		}
	}
	return out
}
