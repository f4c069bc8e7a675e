package network

import (
	"slices"
	"strconv"
)

// openness tells whether a pod accepts connections from everywhere, or may connect to everywhere: from pods that nobody
// has made yet in namespaces that do not exist, or from every address of a family, on every port. by are the policies
// that make it so, those that leave it open or, where it is not, those that isolate it.
func (m *model) openness(c *class, d Direction) (is truth, by []*policy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.in[d][c.index]
	stranger := m.inCluster[elsewhere][0]
	is = m.all(g.cellOf(stranger))
	for _, family := range families {
		every := yes
		for i, a := range m.outside {
			if sameFamily(a.ranges, family) {
				every = min(every, m.all(g.cellOf(len(m.classes)+i)))
			}
		}
		is = max(is, every)
	}
	for _, p := range g.policies {
		s := &p.dirs[d]
		opens := false
		for i := range s.rules {
			r := &s.rules[i]
			opens = opens || r.action != deny && (m.peersOf(r).maybe.has(stranger) || slices.ContainsFunc(r.peers, func(p peer) bool { return p.block != nil }))
		}
		switch is {
		case yes:
			if opens {
				by = append(by, p.policy)
			}
		case maybe:
			if p.sure == maybe {
				by = append(by, p.policy)
			}
		default:
			by = append(by, p.policy)
		}
	}
	return is, by
}

// all tells whether every port of TCP and UDP is allowed. SCTP, which few kernels load, is not asked for.
func (m *model) all(v verdict) truth {
	every := func(id portID) bool {
		p := m.ports.sets[id]
		return protocolPorts(TCP).Within(p) && protocolPorts(UDP).Within(p)
	}
	switch {
	case every(v.must):
		return yes
	case every(v.may):
		return maybe
	}
	return no
}

// short names a policy within its namespace.
func (p *policy) short() string {
	if p.object == nil {
		return p.name
	}
	r := p.object.Ref()
	return r.Kind + " " + strconv.Quote(r.Name)
}
