package netmap

import "github.com/nist190/nist190/network"

// Drift is what observed connections and policies disagree on, of a map that [Map.Mark] has marked: what passed though it is
// denied, and what is allowed and nothing used, by ports. The first means that policies are not enforced, or are newer than
// what was observed; the second can be closed, if the connections were observed for long enough.
func (m *Map) Drift() *Map {
	out := &Map{Level: m.Level, Places: m.Places, Zones: m.Zones}
	for _, e := range m.relevant() {
		d := *e
		switch e.Seen {
		case NoFlows:
			continue
		case Observed:
			if inUse(e) {
				continue
			}
			d.Must, d.May = e.Must.Minus(e.Observed), e.May.Minus(e.Observed)
			d.Seen, d.Observed = Unused, network.Ports{}
		}
		out.Edges = append(out.Edges, d)
	}
	return out
}
