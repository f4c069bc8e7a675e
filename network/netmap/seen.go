package netmap

import (
	"errors"
	"fmt"

	"github.com/nist190/nist190/network"
)

// Mark says of every edge what observed connections say: that something passed, and on which ports, or that nothing did.
// What passed though policies deny it is an edge of its own, even where others of the same places may connect. Connections
// with an end that the inventory does not have are counted in the error, which names the first of them. Cost: linear in
// edges and connections.
func (m *Map) Mark(a *network.Attribution, seen []network.Observation) error {
	x := newMarks(m, a.Zones())
	var errs []error
	unknown := 0
	for _, o := range seen {
		j := a.Judge(o)
		if j.Err != nil {
			if unknown++; unknown <= 5 {
				errs = append(errs, fmt.Errorf("%s to %s: %w", o.From, o.To, j.Err))
			}
			continue
		}
		if o.Dropped {
			continue // nothing passed
		}
		x.mark(&j)
	}
	if unknown > 5 {
		errs = append(errs, fmt.Errorf("and %d more connections of which an end is not known", unknown-5))
	}
	return errors.Join(errs...)
}

// marks finds edges by their ends.
type marks struct {
	m       *Map
	z       *network.Zones
	within  map[[2]string]int // by the keys of both ends
	from    map[string][]int  // to addresses outside, by the key of the source
	to      map[string][]int  // from addresses outside, by the key of the destination
	refused map[[2]string]int
	named   map[[2]string]int // edges to names that nothing of the inventory speaks of
}

func newMarks(m *Map, z *network.Zones) *marks {
	x := &marks{m: m, z: z, within: map[[2]string]int{}, from: map[string][]int{}, to: map[string][]int{}, refused: map[[2]string]int{}, named: map[[2]string]int{}}
	for i := range m.Edges {
		e := &m.Edges[i]
		e.Seen = Unused
		from, to := e.From.Key(), e.To.Key()
		switch {
		case e.From.Addresses != nil:
			x.to[to] = append(x.to[to], i)
		case e.To.Addresses != nil:
			x.from[from] = append(x.from[from], i)
		default:
			x.within[[2]string{from, to}] = i
		}
	}
	return x
}

// places are those that an end may be at the level of the map: one, or where a workload alone is known, at the levels that
// tell its pods apart, those of all of them.
func (x *marks) places(e network.End, all []*network.Pod) []network.Place {
	if x.m.Level != network.LevelPod && x.m.Level != network.LevelNode || len(all) == 0 {
		p, ok := x.z.PlaceOf(e, x.m.Level)
		if !ok {
			return nil // outside
		}
		return []network.Place{p}
	}
	var out []network.Place
	for _, p := range all {
		place, _ := x.z.PlaceOf(network.End{Pod: p}, x.m.Level)
		out = append(out, place)
	}
	return out
}

func (x *marks) mark(j *network.Judged) {
	ports := network.PortRange(j.Protocol, j.PodPort, j.PodPort)
	from, to := x.places(j.Source, j.SourcePods), x.places(j.Destination, j.DestinationPods)
	if j.Verdict.Answer == network.Denied {
		x.refuse(j, from, to, ports)
		return
	}
	pass := func(i int) {
		if e := &x.m.Edges[i]; ports.Within(e.May) {
			e.Seen, e.Observed = Observed, e.Observed.Union(ports)
		}
	}
	outside := func(list []int, of func(*Edge) *network.Place, end network.End) {
		for _, i := range list {
			if of(&x.m.Edges[i]).Addresses.Has(end.Addr) {
				pass(i)
			}
		}
	}
	switch {
	case from == nil && to == nil: // not of this cluster
	case from == nil:
		for _, p := range to {
			outside(x.to[p.Key()], func(e *Edge) *network.Place { return e.From }, j.Source)
		}
	case to == nil:
		for _, p := range from {
			outside(x.from[p.Key()], func(e *Edge) *network.Place { return e.To }, j.Destination)
		}
	default:
		drawn := false
		for _, p := range from {
			for _, q := range to {
				if i, ok := x.within[[2]string{p.Key(), q.Key()}]; ok {
					pass(i)
					drawn = true
				}
			}
		}
		if named := j.Source.Named != nil || j.Destination.Named != nil; named && !drawn {
			x.name(j, from[0], to[0], ports)
		}
	}
}

// name adds an edge for what was seen of a name that nothing of the inventory speaks of.
func (x *marks) name(j *network.Judged, from, to network.Place, ports network.Ports) {
	k := [2]string{from.Key(), to.Key()}
	i, ok := x.named[k]
	if !ok {
		i = len(x.m.Edges)
		x.named[k] = i
		x.m.Edges = append(x.m.Edges, Edge{Edge: network.Edge{From: &from, To: &to}, Seen: Observed})
	}
	e := &x.m.Edges[i]
	e.May, e.Observed = e.May.Union(ports), e.Observed.Union(ports)
	if j.Verdict.Answer == network.Allowed {
		e.Must = e.Must.Union(ports)
	}
}

// refuse notes what passed though it is denied, of the first places that it may have been.
func (x *marks) refuse(j *network.Judged, from, to []network.Place, ports network.Ports) {
	one := func(places []network.Place, e network.End) network.Place {
		if len(places) > 0 {
			return places[0]
		}
		name := e.Addr.String()
		addresses, _ := network.ParseAddresses(name)
		return network.Place{Kind: "Outside", Name: name, Addresses: addresses}
	}
	p, q := one(from, j.Source), one(to, j.Destination)
	k := [2]string{p.Key(), q.Key()}
	i, ok := x.refused[k]
	if !ok {
		i = len(x.m.Edges)
		x.refused[k] = i
		x.m.Edges = append(x.m.Edges, Edge{Edge: network.Edge{From: &p, To: &q}, Seen: Refused})
	}
	x.m.Edges[i].Refused = x.m.Edges[i].Refused.Union(ports)
}
