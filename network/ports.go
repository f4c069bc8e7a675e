package network

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Protocol is a protocol that policies tell apart.
type Protocol uint8

const (
	TCP Protocol = iota
	UDP
	SCTP
	// Other is everything else of IP, such as ICMP: NetworkPolicy leaves open what becomes of it where a pod is isolated.
	Other
)

var protocolNames = [...]string{"TCP", "UDP", "SCTP", "OTHER"}

func (p Protocol) String() string { return protocolNames[p] }

// MarshalText writes the protocol's name.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// ParseProtocol reads a protocol's name; the empty one is TCP, as in the API.
func ParseProtocol(s string) (Protocol, error) {
	if s == "" {
		return TCP, nil
	}
	if i := slices.Index(protocolNames[:], strings.ToUpper(s)); i >= 0 {
		return Protocol(i), nil
	}
	return 0, fmt.Errorf("protocol %q: want TCP, UDP, SCTP or OTHER", s)
}

func protocolOf(p *corev1.Protocol) (Protocol, bool) {
	if p == nil {
		return TCP, true
	}
	i := slices.Index(protocolNames[:3], string(*p))
	return Protocol(max(i, 0)), i >= 0
}

// Span is a range of ports, both ends included.
type Span struct {
	From uint16 `json:"from"`
	To   uint16 `json:"to"`
}

func (s Span) String() string {
	if s.From == s.To {
		return fmt.Sprint(s.From)
	}
	return fmt.Sprintf("%d-%d", s.From, s.To)
}

const lastPort = 65535

var everyPort = []Span{{1, lastPort}}

// Ports is a set of ports by protocol. The zero value is empty. It is immutable; [Ports.Equal] compares sets, the operator
// == may tell equal ones apart.
type Ports struct{ set *portSet }

// portSet is what is in a set that is not empty.
type portSet struct {
	spans [3][]Span // ordered, disjoint and not adjacent
	other bool
}

var nothing portSet

func (p Ports) of() *portSet {
	if p.set == nil {
		return &nothing
	}
	return p.set
}

func (s portSet) ports() Ports {
	if !s.other && s.empty() {
		return Ports{}
	}
	return Ports{&s}
}

func (s *portSet) empty() bool { return len(s.spans[TCP])+len(s.spans[UDP])+len(s.spans[SCTP]) == 0 }

var (
	// AllPorts is every port of every protocol.
	AllPorts = portSet{[3][]Span{everyPort, everyPort, everyPort}, true}.ports()
	// otherOnly is every protocol but TCP, UDP and SCTP.
	otherOnly = portSet{other: true}.ports()
)

// PortRange is a range of ports of one protocol; for Other the range means nothing.
func PortRange(p Protocol, from, to uint16) Ports {
	switch {
	case p == Other:
		return otherOnly
	case from <= to:
		var out portSet
		out.spans[p] = []Span{{max(from, 1), max(to, 1)}}
		return out.ports()
	}
	return Ports{}
}

// protocolPorts is every port of a protocol.
func protocolPorts(p Protocol) Ports { return PortRange(p, 1, lastPort) }

// Empty reports whether nothing is in the set.
func (p Ports) Empty() bool { return p.set == nil }

// OnlyOther reports whether no port of TCP, UDP and SCTP is in the set.
func (p Ports) OnlyOther() bool { return p.set == nil || p.set.other && p.set.empty() }

// All reports whether every port of TCP, UDP and SCTP is in the set.
func (p Ports) All() bool {
	for _, s := range p.of().spans {
		if len(s) != 1 || s[0] != everyPort[0] {
			return false
		}
	}
	return true
}

// Has reports whether a port is in the set.
func (p Ports) Has(protocol Protocol, port uint16) bool {
	if protocol == Other {
		return p.of().other
	}
	return slices.ContainsFunc(p.of().spans[protocol], func(s Span) bool { return s.From <= port && port <= s.To })
}

// Spans are the ports of a protocol, ascending.
func (p Ports) Spans(protocol Protocol) []Span {
	if protocol == Other {
		return nil
	}
	return slices.Clone(p.of().spans[protocol])
}

// Other reports whether protocols beside TCP, UDP and SCTP are in the set.
func (p Ports) Other() bool { return p.of().other }

// Union is what is in either.
func (p Ports) Union(q Ports) Ports {
	a, b := p.of(), q.of()
	out := portSet{other: a.other || b.other}
	for i := range out.spans {
		out.spans[i] = union(a.spans[i], b.spans[i])
	}
	return out.ports()
}

// Intersect is what is in both.
func (p Ports) Intersect(q Ports) Ports {
	a, b := p.of(), q.of()
	out := portSet{other: a.other && b.other}
	for i := range out.spans {
		out.spans[i] = intersect(a.spans[i], b.spans[i])
	}
	return out.ports()
}

// Minus is what is in p and not in q.
func (p Ports) Minus(q Ports) Ports {
	a, b := p.of(), q.of()
	out := portSet{other: a.other && !b.other}
	for i := range out.spans {
		out.spans[i] = minus(a.spans[i], b.spans[i])
	}
	return out.ports()
}

// Equal compares sets.
func (p Ports) Equal(q Ports) bool {
	if p.set == q.set || p.set == nil || q.set == nil {
		return p.set == q.set
	}
	return p.set.other == q.set.other && slices.EqualFunc(p.set.spans[:], q.set.spans[:], slices.Equal)
}

// Within reports whether all of p is in q.
func (p Ports) Within(q Ports) bool { return p.Minus(q).Empty() }

// String lists the ports as "TCP 80,443, UDP 53"; "all" and "none" are the two ends.
func (p Ports) String() string {
	switch {
	case p.Empty():
		return "none"
	case p.All():
		return "all"
	}
	var out []string
	for i, spans := range p.of().spans {
		if len(spans) == 0 {
			continue
		}
		var text []string
		for _, s := range spans {
			text = append(text, s.String())
		}
		out = append(out, Protocol(i).String()+" "+strings.Join(text, ","))
	}
	if p.Other() {
		out = append(out, Other.String())
	}
	return strings.Join(out, ", ")
}

// count is the number of ports of TCP, UDP and SCTP.
func (p Ports) count() int {
	n := 0
	for _, spans := range p.of().spans {
		for _, s := range spans {
			n += int(s.To-s.From) + 1
		}
	}
	return n
}

func union(a, b []Span) []Span {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Span) int { return int(x.From) - int(y.From) })
	out := all[:1]
	for _, s := range all[1:] {
		if last := &out[len(out)-1]; int(s.From) <= int(last.To)+1 {
			last.To = max(last.To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func intersect(a, b []Span) []Span {
	var out []Span
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if s := (Span{max(a[i].From, b[j].From), min(a[i].To, b[j].To)}); s.From <= s.To {
			out = append(out, s)
		}
		if a[i].To < b[j].To {
			i++
		} else {
			j++
		}
	}
	return out
}

func minus(a, b []Span) []Span {
	var out []Span
	for _, s := range a {
		from := int(s.From)
		for _, hole := range b {
			if int(hole.To) < from || hole.From > s.To {
				continue
			}
			if int(hole.From) > from {
				out = append(out, Span{uint16(from), hole.From - 1})
			}
			from = int(hole.To) + 1
		}
		if from <= int(s.To) {
			out = append(out, Span{uint16(from), s.To})
		}
	}
	return out
}

// portTable numbers sets of ports, so that sets are compared and combined by their numbers. It is not safe for
// concurrent use.
type portTable struct {
	sets []Ports
	ids  map[string]portID
	memo [3][][]portID // by operation and operands; one more than the result, 0 where it was not computed
}

// operation is one on two sets of ports.
type operation uint8

const (
	unionOf operation = iota
	intersectionOf
	differenceOf
)

type portID int32

const (
	noPorts portID = iota
	allPorts
)

func newPortTable() *portTable {
	t := &portTable{ids: map[string]portID{}}
	t.id(Ports{})
	t.id(AllPorts)
	return t
}

func (t *portTable) id(p Ports) portID {
	key := make([]byte, 0, 32)
	for _, spans := range p.of().spans {
		key = append(key, byte(len(spans)), byte(len(spans)>>8))
		for _, s := range spans {
			key = append(key, byte(s.From), byte(s.From>>8), byte(s.To), byte(s.To>>8))
		}
	}
	if p.Other() {
		key = append(key, 1)
	}
	id, ok := t.ids[string(key)]
	if !ok {
		id = portID(len(t.sets))
		t.ids[string(key)] = id
		t.sets = append(t.sets, p)
	}
	return id
}

func (t *portTable) do(op operation, a, b portID, compute func(Ports) Ports) portID {
	rows := t.memo[op]
	if int(a) < len(rows) && int(b) < len(rows[a]) && rows[a][b] != 0 {
		return rows[a][b] - 1
	}
	id := t.id(compute(t.sets[b]))
	for len(rows) <= int(a) {
		rows = append(rows, nil)
	}
	for len(rows[a]) <= int(b) {
		rows[a] = append(rows[a], 0)
	}
	rows[a][b] = id + 1
	t.memo[op] = rows
	return id
}

func (t *portTable) or(a, b portID) portID {
	switch {
	case a == b || b == noPorts:
		return a
	case a == noPorts:
		return b
	}
	return t.do(unionOf, a, b, t.sets[a].Union)
}

func (t *portTable) and(a, b portID) portID {
	switch {
	case a == b || b == allPorts:
		return a
	case a == allPorts:
		return b
	case a == noPorts || b == noPorts:
		return noPorts
	}
	return t.do(intersectionOf, a, b, t.sets[a].Intersect)
}

func (t *portTable) sub(a, b portID) portID {
	switch {
	case b == noPorts:
		return a
	case a == b || a == noPorts || b == allPorts:
		return noPorts
	}
	return t.do(differenceOf, a, b, t.sets[a].Minus)
}
