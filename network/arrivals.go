package network

// arrival is what may pass to a unit, and one pod that it comes from.
type arrival struct {
	unit      int
	must, may Ports
	by        *Pod
}

// into finds what may pass from a unit of another view to those units that are wanted. It goes by those who let something
// in, of which there are few where traffic is separated. Cost: for each group of destinations the sources that it lets
// in, by the groups that these are of.
func (v *view) into(from *unit, want func(unit int) bool) []arrival {
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	a := &arrivals{
		view: v, wanted: make([]bool, len(v.units)), shares: map[int]*share{},
		to: make([]verdict, len(v.units)), by: make([]int, len(v.units)), asked: make([]int, len(v.m.groups[Egress])),
	}
	for i := range a.wanted {
		a.wanted[i] = want(i)
	}
	for i := range from.classes {
		x := &from.classes[i]
		a.shares[x.class] = x
		a.sources.set(x.class)
	}
	for _, g := range v.m.groups[Ingress] {
		a.group(g)
	}
	for _, x := range a.shares {
		if v.m.classes[x.class].Host() {
			for _, t := range v.beside(x) {
				a.reach(t.unit, closed.locally(t.local), x.class)
			}
		}
	}
	var out []arrival
	for unit, v := range a.to {
		if v != closed {
			out = append(out, arrival{unit, a.m.ports.sets[v.must], a.m.ports.sets[v.may], a.shares[a.by[unit]].pods[0]})
		}
	}
	return out
}

// arrivals is what [view.into] has found so far.
type arrivals struct {
	*view
	wanted  []bool // by unit
	sources bitset
	shares  map[int]*share // of the sources, by class
	to      []verdict      // by unit
	by      []int          // the first class that reaches a unit
	asked   []int          // by group of sources, when it was last asked
	now     int
}

// group finds what a group of destinations lets in.
func (a *arrivals) group(g *group) {
	var targets []int
	for _, d := range g.classes {
		for _, t := range a.of[d] {
			if a.wanted[t.unit] {
				targets = append(targets, d)
				break
			}
		}
	}
	if len(targets) == 0 {
		return
	}
	rest := a.sources
	for i := range g.cells {
		if !a.m.silent(g.cells[i].verdict) {
			a.pass(a.sources.and(g.cells[i].peers), g.cells[i].verdict, targets)
		}
		rest = rest.minus(g.cells[i].peers)
	}
	if !a.m.silent(g.rest) {
		a.pass(rest, g.rest, targets)
	}
}

// pass asks the sources, of which the destinations let the same in, what they let out. Those of one group answer alike.
func (a *arrivals) pass(sources bitset, in verdict, targets []int) {
	a.now++
	for x := range sources.each() {
		g := a.m.in[Egress][x]
		if a.asked[g.number] == a.now {
			continue
		}
		a.asked[g.number] = a.now
		for _, d := range targets {
			out := g.cellOf(d)
			both := verdict{a.m.ports.and(out.must, in.must), a.m.ports.and(out.may, in.may)}
			for i := range a.of[d] {
				a.reach(a.of[d][i].unit, both, x)
			}
		}
	}
}

func (a *arrivals) reach(unit int, v verdict, from int) {
	if !a.wanted[unit] || a.m.silent(v) {
		return
	}
	if a.to[unit] == closed || from < a.by[unit] {
		a.by[unit] = from
	}
	a.to[unit] = a.m.join2(a.to[unit], v)
}
