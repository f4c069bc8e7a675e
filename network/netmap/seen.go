package netmap

import (
	"errors"
	"fmt"

	"github.com/nist190/nist190/network"
)

// Mark says of every edge what observed connections say: that something passed, or that nothing did. What passed though
// policies deny it is an edge of its own. Connections with an end that the inventory does not have are counted in the
// error, which names the first of them.
func (m *Map) Mark(z *network.Zones, seen []network.Observation) error {
	for i := range m.Edges {
		m.Edges[i].Seen = Unused
	}
	var errs []error
	unknown := 0
	for _, o := range seen {
		j := z.Judge(o)
		if j.Err != nil {
			if unknown++; unknown <= 5 {
				errs = append(errs, fmt.Errorf("%s to %s: %w", o.From, o.To, j.Err))
			}
			continue
		}
		if o.Dropped {
			continue // nothing passed
		}
		m.mark(z, &j)
	}
	if unknown > 5 {
		errs = append(errs, fmt.Errorf("and %d more connections of which an end is not known", unknown-5))
	}
	return errors.Join(errs...)
}

func (m *Map) mark(z *network.Zones, j *network.Judged) {
	ports := network.PortRange(j.Protocol, j.Port, j.Port)
	for i := range m.Edges {
		e := &m.Edges[i]
		if e.Seen == Refused || !z.Has(e.From, j.Source, m.Level) || !z.Has(e.To, j.Destination, m.Level) {
			continue
		}
		if ports.Within(e.May) {
			e.Seen = Observed
			return
		}
	}
	if named := j.Source.Named != nil || j.Destination.Named != nil; named && j.Verdict.Answer != network.Denied {
		// A name that nothing of the inventory speaks of, or a Service, has no edge of its own.
		m.observe(z, j, ports)
		return
	}
	from, to := placeOf(z, j.Source, j.From, m.Level), placeOf(z, j.Destination, j.To, m.Level)
	for i := range m.Edges {
		if e := &m.Edges[i]; e.Seen == Refused && e.From.Key() == from.Key() && e.To.Key() == to.Key() {
			e.Refused = e.Refused.Union(ports)
			return
		}
	}
	m.Edges = append(m.Edges, Edge{Edge: network.Edge{From: from, To: to}, Seen: Refused, Refused: ports})
}

// observe adds an edge for what was seen of a name and is not denied.
func (m *Map) observe(z *network.Zones, j *network.Judged, ports network.Ports) {
	e := Edge{Edge: network.Edge{From: placeOf(z, j.Source, j.From, m.Level), To: placeOf(z, j.Destination, j.To, m.Level), May: ports}, Seen: Observed}
	if j.Verdict.Answer == network.Allowed {
		e.Must = ports
	}
	for i := range m.Edges {
		if have := &m.Edges[i]; have.Seen == Observed && have.From.Key() == e.From.Key() && have.To.Key() == e.To.Key() {
			have.Must, have.May = have.Must.Union(e.Must), have.May.Union(e.May)
			return
		}
	}
	m.Edges = append(m.Edges, e)
}

func placeOf(z *network.Zones, e network.End, text string, level network.Level) network.Place {
	if p, ok := z.PlaceOf(e, level); ok {
		return p
	}
	return network.Place{Kind: "Outside", Name: text}
}
