// Package netmap draws what a cluster's policies let through: as text, CSV, JSON and Markdown, and as DOT, Mermaid and SVG
// pictures. No other program is run. Every format is deterministic, and neutralises the names that it prints: whoever may
// create objects chooses them.
package netmap

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nist190/nist190/network"
)

// Map is the edges of a level with what is known of them.
type Map struct {
	Level  network.Level
	Places []network.Place // of the cluster, in order
	Zones  []string        // names, the least sensitive first
	Names  []network.Place // what is known by its name, in order; nothing need lead there
	Edges  []Edge
}

// Edge is an edge with what was seen of it.
type Edge struct {
	network.Edge
	Seen Seen
	// Observed are the ports of the edge on which something was seen to pass; the rest of them was not seen in use.
	Observed network.Ports
	// Refused are the ports on which something was seen to pass though it is denied.
	Refused network.Ports
}

// Seen is what observed flows say of an edge.
type Seen uint8

const (
	NoFlows  Seen = iota // none were given
	Observed             // something was seen to pass
	Unused               // nothing was
	Refused              // something was, though the policies deny it
)

var seenNames = [...]string{"", "observed", "not observed", "observed, and denied"}

func (s Seen) String() string { return seenNames[s] }

// New collects the map of a level. Cost: that of [network.Zones.Edges], and its edges in memory.
func New(z *network.Zones, level network.Level) *Map {
	m := &Map{Level: level, Places: z.Places(level), Names: z.NamedPlaces()}
	for _, p := range z.Places(network.LevelZone) {
		m.Zones = append(m.Zones, p.Name)
	}
	for e := range z.Edges(level) {
		if n := len(m.Edges); n == cap(m.Edges) {
			m.Edges = slices.Grow(m.Edges, max(n, 64)) // append would copy a long list many times
		}
		m.Edges = append(m.Edges, Edge{Edge: e})
	}
	return m
}

// Formats are the names of the formats that [Map.Write] knows.
var Formats = []string{"text", "json", "csv", "markdown", "dot", "mermaid", "svg"}

// Write writes the map in a format.
func (m *Map) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return m.Text(w)
	case "json":
		return m.JSON(w)
	case "csv":
		return m.CSV(w)
	case "markdown":
		return m.Markdown(w)
	case "dot":
		return m.DOT(w)
	case "mermaid":
		return m.Mermaid(w)
	case "svg":
		return m.SVG(w)
	}
	return fmt.Errorf("format %q: want %s", format, strings.Join(Formats, ", "))
}

// conn is the ports of an edge in words: what is certain, and what beyond it is only possible.
func conn(e *Edge) string {
	if e.Seen == Refused {
		return words(e.Refused)
	}
	if e.Must.All() || e.Must.Equal(e.May) {
		return words(e.Must)
	}
	rest := e.May.Minus(e.Must)
	if e.Must.Empty() {
		return unknownWord + words(rest)
	}
	// That a plugin decides about other protocols is true of every isolated pod, and nothing to tell.
	if rest.Other() && rest.Minus(network.PortRange(network.Other, 0, 0)).Empty() {
		return words(e.Must)
	}
	if e.May.All() {
		return words(e.Must) + ", " + unknownWord + everythingElse
	}
	return words(e.Must) + ", " + unknownWord + words(rest)
}

func words(p network.Ports) string {
	if p.All() {
		return "All Connections"
	}
	return p.String()
}

// certain reports whether all that may pass surely does.
func certain(e *Edge) bool { return !strings.Contains(conn(e), "unknown") }

// relevant drops edges over which only other protocols than TCP, UDP and SCTP could pass.
func (m *Map) relevant() []*Edge {
	var out []*Edge
	for i := range m.Edges {
		e := &m.Edges[i]
		if !e.May.OnlyOther() || e.Seen == Refused {
			out = append(out, e)
		}
	}
	return out
}

// plain makes a name safe to print: control characters, and those that turn the direction of text around, are shown as
// what they are.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x20 || r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069, r == 0xfeff:
			return '\uFFFD'
		}
		return r
	}, s)
}

// drawing is a map cut down to what a picture can show: what accepts the same from everywhere has one edge.
type drawing struct {
	places []network.Place // those of edges, everywhere among them
	edges  []drawn
	folded int // edges that are not drawn
}

type drawn struct {
	from, to  string // keys
	label     string
	certain   bool
	seen      Seen
	fromWhere network.Place
	toWhere   network.Place
}

const everywhere = "everywhere"

// apart tells what is drawn beside the places of the cluster, and round.
func apart(p network.Place) bool { return p.Outside() || p.Kind == "Everywhere" }

// maxDrawn are the edges that a picture has room for.
const maxDrawn = 400

func (m *Map) draw() *drawing {
	d := &drawing{}
	edges := m.relevant()
	type target struct {
		key, conn string
		refused   bool
	}
	from := map[target]map[string]bool{}
	for _, e := range edges {
		t := target{e.To.Key(), conn(e), e.Seen == Refused}
		if from[t] == nil {
			from[t] = map[string]bool{}
		}
		from[t][e.From.Key()] = true
	}
	named := map[string]bool{}
	for _, p := range m.Names {
		named[p.Key()] = true
	}
	// From everywhere: from every other place of the cluster and from all addresses outside; those reach no names.
	all := func(t target) bool {
		set := from[t]
		n := 0
		for _, p := range m.Places {
			if set[p.Key()] && p.Key() != t.key {
				n++
			}
		}
		if named[t.key] {
			return n >= 3 && n == len(m.Places)
		}
		return n >= 3 && n >= len(m.Places)-1 && set[everywhere+"[Outside]"]
	}
	place := network.Place{Kind: "Everywhere", Name: everywhere}
	used := map[string]network.Place{}
	folded := map[target]bool{}
	for _, e := range edges {
		t := target{e.To.Key(), conn(e), e.Seen == Refused}
		fromWhere := e.From
		if all(t) {
			if folded[t] {
				d.folded++
				continue
			}
			folded[t] = true
			fromWhere = &place
		}
		if len(d.edges) == maxDrawn {
			d.folded++
			continue
		}
		used[fromWhere.Key()], used[e.To.Key()] = *fromWhere, *e.To
		d.edges = append(d.edges, drawn{fromWhere.Key(), e.To.Key(), conn(e), certain(e), e.Seen, *fromWhere, *e.To})
	}
	for _, p := range slices.Concat(m.Places, m.Names) {
		used[p.Key()] = p
	}
	for _, p := range used {
		d.places = append(d.places, p)
	}
	slices.SortFunc(d.places, func(a, b network.Place) int {
		return cmp.Or(cmp.Compare(slices.Index(m.Zones, a.Zone), slices.Index(m.Zones, b.Zone)), a.Compare(b))
	})
	return d
}

// note says what a picture leaves out.
func (d *drawing) note() string {
	if d.folded == 0 {
		return ""
	}
	return fmt.Sprintf("%d edges are folded into others or left out, the text format has them all", d.folded)
}
