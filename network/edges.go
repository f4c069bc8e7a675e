package network

// between is the ports of the pair that are certainly, and possibly, open; pods are asked for as they are.
func (c *Connectivity) between(from, to End) (must, may Ports) {
	m := c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	i, err := m.number(from)
	if err != nil {
		return Ports{}, Ports{}
	}
	j, err := m.number(to)
	if err != nil {
		return Ports{}, Ports{}
	}
	if from.Pod != nil && from.Pod == to.Pod {
		return AllPorts, AllPorts
	}
	v := m.pair(i, j)
	if from.Pod != nil && to.Pod != nil {
		v = v.locally(sharesNode(from.Pod, to.Pod))
	}
	return m.ports.sets[v.must], m.ports.sets[v.may]
}

// pair is what both ends agree on.
func (m *model) pair(from, to int) verdict {
	e, i := open, open
	if from < len(m.classes) {
		e = m.in[Egress][from].cellOf(to)
	}
	if to < len(m.classes) {
		i = m.in[Ingress][to].cellOf(from)
	}
	return verdict{m.ports.and(e.must, i.must), m.ports.and(e.may, i.may)}
}

func (v verdict) locally(sameNode truth) verdict {
	switch sameNode {
	case yes:
		return open
	case maybe:
		v.may = allPorts
	}
	return v
}
