package netmap

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/nist190/nist190/network"
)

// Change is an edge that differs between two maps.
type Change struct {
	From, To network.Place
	// Before and After are what may pass, certainly and possibly; empty where nothing may.
	Before, After network.Edge
}

// Diff lists what differs between two maps of one level, by source, then destination. Either may have been read by [Parse]: what
// text does not tell, such as whether other protocols than TCP, UDP and SCTP pass to isolated pods, is no difference.
func Diff(before, after *Map) []Change {
	type pair struct{ from, to string }
	index := func(m *Map) map[pair]*Edge {
		out := map[pair]*Edge{}
		for _, e := range m.relevant() {
			if e.Seen == Refused {
				continue // what was seen, beside what is allowed
			}
			out[pair{e.From.Key(), e.To.Key()}] = e
		}
		return out
	}
	a, b := index(before), index(after)
	var out []Change
	for k, e := range a {
		var then network.Edge
		if now := b[k]; now != nil {
			then = now.Edge
		}
		if conn(&Edge{Edge: e.Edge}) != conn(&Edge{Edge: then}) {
			out = append(out, Change{*e.From, *e.To, e.Edge, then})
		}
	}
	for k, e := range b {
		if a[k] == nil {
			out = append(out, Change{*e.From, *e.To, network.Edge{}, e.Edge})
		}
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Or(x.From.Compare(y.From), x.To.Compare(y.To)) })
	return out
}

// WriteDiff writes a change a line: "+" for a new edge, "-" for one that is gone, "~" for one with other ports.
func WriteDiff(w io.Writer, changes []Change) error {
	b := bufio.NewWriter(w)
	for _, c := range changes {
		before, after := conn(&Edge{Edge: c.Before}), conn(&Edge{Edge: c.After})
		name := plain(c.From.Key()) + " => " + plain(c.To.Key())
		switch {
		case c.Before.May.Empty():
			fmt.Fprintf(b, "+ %s : %s\n", name, after)
		case c.After.May.Empty():
			fmt.Fprintf(b, "- %s : %s\n", name, before)
		default:
			fmt.Fprintf(b, "~ %s : %s, before: %s\n", name, after, before)
		}
	}
	return b.Flush()
}
