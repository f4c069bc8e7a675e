package netmap

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nist190/nist190/network"
)

// Read reads a map of a level that was written before, as text or JSON, and reports whether data is one at all.
func Read(data []byte, level network.Level) (m *Map, ok bool, err error) {
	text := bytes.TrimSpace(data)
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if _, rest, ok := bytes.Cut(first, []byte(arrow)); ok && bytes.Contains(rest, []byte(colon)) {
		m, err = Parse(bytes.NewReader(text), level)
		return m, true, err
	}
	var head struct {
		Level, Kind *string
		Edges       *json.RawMessage
	}
	if json.Unmarshal(text, &head) != nil || head.Level == nil || head.Edges == nil || head.Kind != nil {
		return nil, false, nil
	}
	if m, err = ParseJSON(bytes.NewReader(text)); err == nil && m.Level != level {
		err = fmt.Errorf("it is a map of level %s, and %s is wanted", m.Level, level)
	}
	return m, true, err
}

// Parse reads what [Map.Text] writes. Text has edges alone: of places it tells kind, namespace and name, and which level it is
// of is said by the caller. What cannot be read costs its line; the error names those lines, after all that could be read.
func Parse(r io.Reader, level network.Level) (*Map, error) {
	m := &Map{Level: level}
	places := map[string]network.Place{}
	var errs []error
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<24)
	for n := 1; s.Scan(); n++ {
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		e, err := parseEdge(s.Text())
		for _, p := range []*network.Place{e.From, e.To} {
			if err == nil && !ofLevel(*p, level) {
				err = fmt.Errorf("%s is no place of a map of level %s", p.Key(), level)
			}
		}
		if err != nil {
			if len(errs) < maxErrors {
				errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			}
			continue
		}
		m.Edges = append(m.Edges, e)
		for _, p := range []*network.Place{e.From, e.To} {
			if p.Kind != outside {
				places[p.Key()] = *p
			}
		}
	}
	for _, p := range places {
		if p.Named != nil {
			m.Names = append(m.Names, p)
			continue
		}
		m.Places = append(m.Places, p)
		if p.Kind == "Zone" {
			m.Zones = append(m.Zones, p.Name)
		}
	}
	slices.SortFunc(m.Places, network.Place.Compare)
	slices.SortFunc(m.Names, network.Place.Compare)
	slices.Sort(m.Zones)
	return m, errors.Join(append(errs, s.Err())...)
}

const outside = "Outside"

// joined are the kinds of places that stand for many, by the level at which they do.
var joined = map[string]network.Level{"Zone": network.LevelZone, "Namespace": network.LevelNamespace, "Node": network.LevelNode}

// ofLevel tells whether a place can be in a map of a level; pods and workloads are not told apart by their kinds.
func ofLevel(p network.Place, level network.Level) bool {
	of, some := joined[p.Kind]
	if p.Outside() || p.Kind == outside {
		return true
	}
	return some && of == level || !some && (level == network.LevelPod || level == network.LevelWorkload)
}

// parseEdge reads "FROM => TO : CONNECTIONS (SEEN)".
func parseEdge(line string) (Edge, error) {
	e := Edge{Edge: network.Edge{From: &network.Place{}, To: &network.Place{}}}
	rest, err := parseKey(line, arrow, e.From)
	if err != nil {
		return e, err
	}
	if rest, err = parseKey(rest, colon, e.To); err != nil {
		return e, err
	}
	connections, seen, marked := strings.Cut(rest, " (")
	if marked {
		word, ok := strings.CutSuffix(seen, ")")
		on := ""
		if !ok {
			return e, fmt.Errorf("%q does not end", seen)
		}
		if word, on, ok = strings.Cut(word, " on "); ok {
			if e.Observed, err = parseWords(on); err != nil {
				return e, err
			}
		}
		i := slices.Index(seenNames[1:], word)
		if i < 0 || ok && Seen(i+1) != Observed {
			return e, fmt.Errorf("%q is nothing that flows say", word)
		}
		e.Seen = Seen(i + 1)
	}
	if e.Seen == Refused {
		e.Refused, err = parseWords(connections)
		return e, err
	}
	certain, unknown, some := strings.Cut(connections, unknownWord)
	if some && certain != "" {
		if certain, some = strings.CutSuffix(certain, ", "); !some {
			return e, fmt.Errorf("%q is no list of connections", connections)
		}
	}
	if certain != "" || unknown == "" {
		if e.Must, err = parseWords(certain); err != nil {
			return e, err
		}
	}
	e.May = e.Must
	switch {
	case unknown == everythingElse:
		e.May = network.AllPorts
	case unknown != "":
		more, err := parseWords(unknown)
		if err != nil {
			return e, err
		}
		e.May = e.May.Union(more)
	}
	if e.Seen == Observed && e.Observed.Empty() {
		e.Observed = e.May.Minus(network.PortRange(network.Other, 0, 0))
	}
	return e, nil
}

const unknownWord, everythingElse = "unknown: ", "everything else"

func parseWords(text string) (network.Ports, error) {
	if text == "All Connections" {
		return network.AllPorts, nil
	}
	p, err := network.ParsePorts(text)
	if err == nil && (p.Empty() || p.All()) {
		err = fmt.Errorf("%q is no list of connections", text)
	}
	return p, err
}

// parseKey reads a place, and what follows behind a separator.
func parseKey(text, separator string, into *network.Place) (rest string, err error) {
	key, rest, ok := strings.Cut(text, separator)
	if strings.HasPrefix(text, `"`) {
		prefix, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", fmt.Errorf("%q: quotes do not end", text)
		}
		if key, err = strconv.Unquote(prefix); err != nil {
			return "", err
		}
		rest, ok = strings.CutPrefix(text[len(prefix):], separator)
	}
	if !ok {
		return "", fmt.Errorf("%q: want FROM%sTO%sCONNECTIONS", text, arrow, colon)
	}
	name, kind, ok := cutLast(strings.TrimSuffix(key, "]"), "[")
	if !ok || kind == "" || !strings.HasSuffix(key, "]") {
		return "", fmt.Errorf("%q: want NAME[KIND]", key)
	}
	into.Kind, into.Name = kind, name
	switch _, some := joined[kind]; {
	case kind == "Zone":
		into.Zone = name
	case kind == outside:
		// What is outside can have a name instead.
		into.Addresses, _ = network.ParseAddresses(name)
	case !some:
		if namespace, name, ok := strings.Cut(name, "/"); ok {
			into.Namespace, into.Name = namespace, name
		}
		known(into)
	}
	return rest, nil
}

// known makes a place of a kind that stands for a name one that is known by it.
func known(p *network.Place) {
	if p.Kind == "Name" || p.Kind == "Knative" {
		p.Named = &network.Named{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
	}
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// ParseJSON reads what [Map.JSON] writes.
func ParseJSON(r io.Reader) (*Map, error) {
	var in jsonMap
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return nil, err
	}
	level, err := network.ParseLevel(in.Level)
	if err != nil {
		return nil, err
	}
	m := &Map{Level: level, Zones: in.Zones}
	byID := map[string]network.Place{}
	for _, j := range in.Places {
		p := network.Place{Kind: j.Kind, Namespace: j.Namespace, Name: j.Name, Zone: j.Zone, Host: j.Host}
		if len(j.CIDRs) > 0 {
			if p.Addresses, err = network.ParseAddresses(cmp.Or(j.Name, strings.Join(j.CIDRs, ","))); err != nil {
				return nil, err
			}
		}
		known(&p)
		if !ofLevel(p, level) {
			return nil, fmt.Errorf("place %q is none of a map of level %s", j.ID, level)
		}
		byID[j.ID] = p
		switch {
		case p.Named != nil:
			m.Names = append(m.Names, p)
		case p.Addresses == nil && p.Kind != outside:
			m.Places = append(m.Places, p)
		}
	}
	for i, j := range in.Edges {
		from, ok := byID[j.From]
		to, ok2 := byID[j.To]
		if !ok || !ok2 {
			return nil, fmt.Errorf("edge %d: %q to %q: a place that is not in the map", i, j.From, j.To)
		}
		e := Edge{Edge: network.Edge{From: &from, To: &to}}
		n := slices.Index(seenNames[:], j.Seen)
		if n < 0 {
			return nil, fmt.Errorf("edge %d: %q is nothing that flows say", i, j.Seen)
		}
		e.Seen = Seen(n)
		ports, err := portsFrom(j.Ports)
		more, err2 := portsFrom(j.Unknown)
		inUse, err3 := portsFrom(j.InUse)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, fmt.Errorf("edge %d: %w", i, err)
		}
		e.Observed = inUse
		if e.Seen == Refused {
			e.Refused = ports
		} else {
			e.Must, e.May = ports, ports.Union(more)
		}
		m.Edges = append(m.Edges, e)
	}
	return m, nil
}

func portsFrom(list []port) (network.Ports, error) {
	var out network.Ports
	for _, p := range list {
		protocol, err := network.ParseProtocol(p.Protocol)
		if err != nil {
			return out, err
		}
		if protocol != network.Other && (p.From < 1 || p.To < p.From) {
			return out, fmt.Errorf("%d to %d is no range of ports", p.From, p.To)
		}
		out = out.Union(network.PortRange(protocol, p.From, p.To))
	}
	return out, nil
}
