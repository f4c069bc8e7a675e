package netmap

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nist190/nist190/network"
)

// Text writes an edge a line: "shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432". What is not certain follows the
// word unknown. [Parse] reads it again.
func (m *Map) Text(w io.Writer) error {
	b := bufio.NewWriterSize(w, 64<<10)
	name := memo(func(p *network.Place) string { return quoted(p.Key()) })
	type kind struct {
		must, may, refused, observed network.Ports
		seen                         Seen
	}
	what := memo(func(k kind) string {
		e := &Edge{Edge: network.Edge{Must: k.must, May: k.may}, Refused: k.refused, Observed: k.observed, Seen: k.seen}
		return conn(e) + seen(e)
	})
	for _, e := range m.relevant() {
		for _, s := range [...]string{name(e.From), arrow, name(e.To), colon, what(kind{e.Must, e.May, e.Refused, e.Observed, e.Seen}), "\n"} {
			_, _ = b.WriteString(s) // Flush tells
		}
	}
	return b.Flush()
}

// memo remembers what a function answered: edges are many, places and sets of ports are few.
func memo[K comparable](f func(K) string) func(K) string {
	known := map[K]string{}
	return func(k K) string {
		s, ok := known[k]
		if !ok {
			s = f(k)
			known[k] = s
		}
		return s
	}
}

// quoted is a name as [Parse] reads it again: in quotes where it could be taken for something else.
func quoted(s string) string {
	if plain(s) == s && utf8.ValidString(s) && !strings.HasPrefix(s, `"`) && !strings.Contains(s, arrow) && !strings.Contains(s, colon) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

const arrow, colon = " => ", " : "

func seen(e *Edge) string {
	switch {
	case e.Seen == NoFlows:
		return ""
	case e.Seen == Observed && !inUse(e):
		return " (" + e.Seen.String() + " on " + words(e.Observed) + ")"
	}
	return " (" + e.Seen.String() + ")"
}

// inUse tells that every port of an edge was seen in use; that of other protocols nothing can be seen does not count.
func inUse(e *Edge) bool {
	return e.May.Minus(e.Observed).Minus(network.PortRange(network.Other, 0, 0)).Empty()
}

// CSV writes a table with a heading, of which each row is a range of ports of an edge.
func (m *Map) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"from", "from_zone", "to", "to_zone", "verdict", "protocol", "from_port", "to_port", "seen"})
	for _, e := range m.relevant() {
		rows := func(verdict string, ports network.Ports, seen Seen) {
			for _, p := range portsOf(ports) {
				_ = c.Write([]string{cell(e.From.Key()), cell(e.From.Zone), cell(e.To.Key()), cell(e.To.Zone), verdict, p.Protocol, number(p.From), number(p.To), seen.String()})
			}
		}
		rest := e.Seen
		if e.Seen == Observed {
			rest = Unused
		}
		rows("allowed", e.Must.Intersect(e.Observed), Observed)
		rows("allowed", e.Must.Minus(e.Observed), rest)
		rows("unknown", e.May.Minus(e.Must).Intersect(e.Observed), Observed)
		rows("unknown", e.May.Minus(e.Must).Minus(e.Observed), rest)
		rows("denied", e.Refused, e.Seen)
	}
	c.Flush()
	return c.Error()
}

func number(n uint16) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// cell keeps spreadsheets from taking a name for a formula.
func cell(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

type port struct {
	Protocol string `json:"protocol"`
	From     uint16 `json:"from,omitempty"`
	To       uint16 `json:"to,omitempty"`
}

func portsOf(p network.Ports) []port {
	var out []port
	for _, protocol := range []network.Protocol{network.TCP, network.UDP, network.SCTP} {
		for _, s := range p.Spans(protocol) {
			out = append(out, port{protocol.String(), s.From, s.To})
		}
	}
	if p.Other() {
		out = append(out, port{Protocol: network.Other.String()})
	}
	return out
}

type jsonPlace struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty"`
	Zone      string   `json:"zone,omitempty"`
	Host      bool     `json:"hostNetwork,omitempty"`
	CIDRs     []string `json:"cidrs,omitempty"`
	Objects   []string `json:"objects,omitempty"` // that speak of what is known by its name
}

type jsonEdge struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Verdict string `json:"verdict"`           // allowed: all that may pass is certain; unknown: some is not
	Ports   []port `json:"ports"`             // certain
	Unknown []port `json:"unknown,omitempty"` // possible beyond them
	Seen    string `json:"seen,omitempty"`
	InUse   []port `json:"observed,omitempty"` // ports on which something was seen to pass
}

type jsonMap struct {
	Level  string      `json:"level"`
	Zones  []string    `json:"zones"`
	Places []jsonPlace `json:"places"`
	Edges  []jsonEdge  `json:"edges"`
}

// JSON writes {"level", "zones", "places", "edges"}; edges name places by their IDs, and have ports as numbers. [ParseJSON] reads
// it again.
func (m *Map) JSON(w io.Writer) error {
	out := jsonMap{Level: m.Level.String(), Zones: append([]string{}, m.Zones...), Places: []jsonPlace{}, Edges: []jsonEdge{}}
	known := map[string]bool{}
	add := func(p network.Place) {
		if known[p.Key()] {
			return
		}
		known[p.Key()] = true
		j := jsonPlace{ID: p.Key(), Kind: p.Kind, Namespace: p.Namespace, Name: p.Name, Zone: p.Zone, Host: p.Host}
		if p.Addresses != nil {
			for _, cidr := range p.Addresses.Prefixes() {
				j.CIDRs = append(j.CIDRs, cidr.String())
			}
		}
		if p.Named != nil {
			for _, o := range p.Named.Objects {
				j.Objects = append(j.Objects, o.Ref().String())
			}
		}
		out.Places = append(out.Places, j)
	}
	for _, p := range slices.Concat(m.Places, m.Names) {
		add(p)
	}
	for _, e := range m.relevant() {
		add(*e.From)
		add(*e.To)
		j := jsonEdge{From: e.From.Key(), To: e.To.Key(), Verdict: "allowed", Ports: portsOf(e.Must), Seen: e.Seen.String(), InUse: portsOf(e.Observed)}
		if j.Ports == nil {
			j.Ports = []port{}
		}
		if !certain(e) {
			j.Verdict, j.Unknown = "unknown", portsOf(e.May.Minus(e.Must))
		}
		if e.Seen == Refused {
			j.Verdict, j.Ports, j.Unknown = "denied", portsOf(e.Refused), nil
		}
		out.Edges = append(out.Edges, j)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// Markdown writes a matrix where there are few places, else a table of edges.
func (m *Map) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	if len(m.Places) <= 12 && m.Level != network.LevelPod {
		m.matrix().markdown(b)
		return b.Flush()
	}
	fmt.Fprintln(b, "| From | To | Connections |\n|---|---|---|")
	for _, e := range m.relevant() {
		fmt.Fprintf(b, "| %s | %s | %s%s |\n", escape(e.From.Key()), escape(e.To.Key()), conn(e), seen(e))
	}
	return b.Flush()
}

func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "&", "&amp;", "`", "\\`", "[", "\\[", "]", "\\]", "*", "\\*", "_", "\\_").Replace(plain(s))
}
