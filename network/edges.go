package network

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// Level is what a map joins into one place.
type Level uint8

const (
	LevelPod Level = iota
	LevelWorkload
	LevelNamespace
	LevelNode
	LevelZone
)

var levelNames = [...]string{"pod", "workload", "namespace", "node", "zone"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads "pod", "workload", "namespace", "node" or "zone".
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames[:], s); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("level %q: want %s", s, strings.Join(levelNames[:], ", "))
}

// Place is one end of edges: pods joined at a level, addresses outside of the cluster, or what is known by its name.
type Place struct {
	// Kind is that of an object, such as Pod, Deployment, Namespace or Node; "Zone", "Outside" for addresses, or that of a
	// [Named].
	Kind, Namespace, Name string
	// Zone is the name of the sensitivity level; where places join several, "".
	Zone string
	// Host is set where everything in the place has the network of its node.
	Host bool
	// Addresses are those of an outside place.
	Addresses *Addresses
	// Named is what is known by its name.
	Named *Named
}

// Outside reports whether the place is none of the pods of the cluster.
func (p Place) Outside() bool { return p.Addresses != nil || p.Named != nil }

// Key names a place in text: "shop/web[Deployment]", "shop[Namespace]", "0.0.0.0/0[Outside]".
func (p Place) Key() string {
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + "/" + p.Name
	}
	return name + "[" + p.Kind + "]"
}

// Compare orders places: those of the cluster before those outside, by namespace, kind and name.
func (p Place) Compare(q Place) int {
	return cmp.Or(
		cmp.Compare(p.rank(), q.rank()),
		cmp.Compare(p.Namespace, q.Namespace), cmp.Compare(p.Name, q.Name), cmp.Compare(p.Kind, q.Kind))
}

func (p Place) rank() int { return b2i(p.Outside()) + b2i(p.Named != nil) }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Edge is what may pass from one place to another: between at least one pair of their pods.
type Edge struct {
	From, To *Place // shared with other edges, and not to be changed
	// Must is certainly open, May possibly: Must is within May, and what is in May alone is unknown.
	Must, May Ports
}

// Edges lists every pair of places at a level between which something may pass, in the order of sources, then
// destinations: pods, then addresses, then names; that only [Other] protocols may pass, as to every isolated pod, is no edge. Pods of a place that reach each other are an edge of it with itself. Cost: classes of pods squared, in
// the least; memory is that of one source's edges.
func (z *Zones) Edges(level Level) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		v := z.view(level)
		var s scratch
		for i := range v.units {
			for _, e := range v.from(i, &s) {
				if !yield(e) {
					return
				}
			}
		}
		for _, e := range v.fromOutside() {
			if !yield(e) {
				return
			}
		}
	}
}

// Places lists the places of a level within the cluster, in order; those that nothing reaches too.
func (z *Zones) Places(level Level) []Place {
	v := z.view(level)
	out := make([]Place, len(v.units))
	for i, u := range v.units {
		out[i] = u.place
	}
	return out
}

// Zones is connectivity by sensitivity level.
type Zones struct {
	*Connectivity
	levels *sensitivity.Levels

	once    sync.Once
	crossed []crossing
}

// ZonesNeeds are what [ZonesOf] reads.
func ZonesNeeds() []inventory.Need { return inventory.JoinNeeds(NamedNeeds(), CollectedNeeds()) }

// CollectedNeeds are what [CollectedZonesOf] reads.
func CollectedNeeds() []inventory.Need {
	return inventory.JoinNeeds(Needs(), sensitivity.DeclaredNeeds())
}

// CollectedZonesOf takes what was collected for all there is, and knows no ends by their names. It is for checks: the runner
// lowers their verdicts where something was not seen, and keeps what they would have been.
func CollectedZonesOf(ctx context.Context, inv *inventory.Inventory) (*Zones, error) {
	return zonesAsCollected.Get(ctx, inv)
}

// ZonesOf is built once per inventory. Whoever uses it declares [ZonesNeeds].
func ZonesOf(ctx context.Context, inv *inventory.Inventory) (*Zones, error) {
	return zones.Get(ctx, inv)
}

var (
	zones            = inventory.Derive("network zones", connectivity, withLevels)
	zonesAsCollected = inventory.Derive("network zones as collected", asCollected, withLevels)
)

func withLevels(ctx context.Context, inv *inventory.Inventory, c *Connectivity) (*Zones, error) {
	levels, err := sensitivity.DeclaredOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	return &Zones{Connectivity: c, levels: levels}, nil
}

// Zone is the level of a pod's workload.
func (z *Zones) Zone(p *Pod) sensitivity.Level { return z.levels.Workload(p.Workload.Ref()).Level }

// ZoneName is a level as maps call it: "infra" and "unclassified" are zones too.
func (z *Zones) ZoneName(l sensitivity.Level) string { return z.levels.Name(l) }

// view is the pods joined at a level.
type view struct {
	z     *Zones
	m     *model
	units []*unit
	// of lists the units that have pods of a class.
	of [][]share
}

type unit struct {
	place   Place
	classes []share
}

// share is the pods of one class in one unit.
type share struct {
	unit, class int
	pods        []*Pod
}

func (z *Zones) view(level Level) *view {
	v := &view{z: z, m: z.m, of: make([][]share, len(z.m.classes))}
	numbers := map[Place]*unit{}
	type at struct {
		u     *unit
		class int
	}
	shares := map[at]*share{}
	var order []at
	for _, p := range z.m.pods {
		place := z.placeOf(p, level)
		host := place.Host
		place.Host = false
		u := numbers[place]
		if u == nil {
			u = &unit{place: place}
			u.place.Host = host
			numbers[place] = u
			v.units = append(v.units, u)
		}
		u.place.Host = u.place.Host && host
		s := shares[at{u, p.class}]
		if s == nil {
			s = &share{class: p.class}
			shares[at{u, p.class}] = s
			order = append(order, at{u, p.class})
		}
		s.pods = append(s.pods, p)
	}
	slices.SortStableFunc(v.units, func(a, b *unit) int { return z.comparePlaces(a.place, b.place) })
	index := map[*unit]int{}
	for i, u := range v.units {
		index[u] = i
	}
	for _, k := range order {
		s := shares[k]
		s.unit = index[k.u]
		k.u.classes = append(k.u.classes, *s)
		v.of[s.class] = append(v.of[s.class], *s)
	}
	return v
}

// comparePlaces orders zones by their rank, everything else by name.
func (z *Zones) comparePlaces(a, b Place) int {
	if a.Kind == "Zone" && b.Kind == "Zone" {
		rank := func(p Place) int {
			l, ok := z.levels.Parse(p.Name)
			if !ok {
				return len(z.levels.Names()) + 2 + b2i(p.Name != z.levels.Name(sensitivity.Infra))
			}
			return int(l)
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Compare(b))
	}
	return a.Compare(b)
}

func (z *Zones) placeOf(p *Pod, level Level) Place {
	zone := z.ZoneName(z.Zone(p))
	switch level {
	case LevelPod:
		return Place{Kind: p.Ref().Kind, Namespace: p.Namespace, Name: p.Object.Name(), Zone: zone, Host: p.Host()}
	case LevelWorkload:
		return Place{Kind: p.Workload.Ref().Kind, Namespace: p.Namespace, Name: p.Workload.Ref().Name, Zone: zone, Host: p.Host()}
	case LevelNamespace:
		return Place{Kind: "Namespace", Name: p.Namespace, Zone: z.ZoneName(z.levels.Namespace(p.Namespace).Level), Host: p.Host()}
	case LevelNode:
		if p.Node == "" {
			return Place{Kind: "Node", Name: "(not scheduled)"}
		}
		return Place{Kind: "Node", Name: p.Node, Host: p.Host()}
	}
	return Place{Kind: "Zone", Name: zone, Zone: zone, Host: p.Host()}
}

// scratch is what finding the edges of one unit needs, kept for the next.
type scratch struct {
	to      []verdict // by unit
	reached []int     // units of which to is set
	// in is what each ingress group makes of the class at hand, as far as it was asked for: where asked is now.
	in    []verdict
	asked []int
	now   int
	// beyond are the places outside by what passes to each address.
	beyond map[string][]outsidePlace
	key    []byte
}

// outsideOf is joinOutside, once for units that are treated alike: most are.
func (s *scratch) outsideOf(m *model, verdicts []verdict) []outsidePlace {
	s.key = s.key[:0]
	for _, v := range verdicts {
		s.key = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(s.key, uint32(v.must)), uint32(v.may))
	}
	out, ok := s.beyond[string(s.key)]
	if !ok {
		if s.beyond == nil {
			s.beyond = map[string][]outsidePlace{}
		}
		out = m.joinOutside(verdicts)
		s.beyond[string(s.key)] = out
	}
	return out
}

func (s *scratch) reach(m *model, unit int, v verdict) {
	if m.silent(v) {
		return
	}
	if s.to[unit] == closed {
		s.reached = append(s.reached, unit)
	}
	s.to[unit] = m.join2(s.to[unit], v)
}

// from finds the edges of one unit.
func (v *view) from(i int, s *scratch) []Edge {
	m := v.m
	m.mu.Lock()
	defer m.mu.Unlock()
	outside := make([]verdict, len(m.outside))
	v.follow(v.units[i], s, outside, func(unit int, class int, x *share) bool {
		return unit != i || class != x.class || !alone(x.pods)
	})
	out := make([]Edge, 0, len(s.reached)+len(outside))
	for _, j := range s.take() {
		out = append(out, Edge{&v.units[i].place, &v.units[j].place, m.ports.sets[s.to[j].must], m.ports.sets[s.to[j].may]})
		s.to[j] = closed
	}
	beyond := s.outsideOf(m, outside)
	for k := range beyond {
		o := &beyond[k]
		out = append(out, Edge{&v.units[i].place, &o.place, m.ports.sets[o.must], m.ports.sets[o.may]})
	}
	return append(out, v.namedEdges(v.units[i])...)
}

// follow notes in s what the pods of a unit reach in the units, as far as want says that it matters, and outside.
func (v *view) follow(from *unit, s *scratch, outside []verdict, want func(unit, class int, x *share) bool) {
	m := v.m
	if s.to == nil {
		s.to, s.in, s.asked = make([]verdict, len(v.units)), make([]verdict, len(m.groups[Ingress])), make([]int, len(m.groups[Ingress]))
	}
	for k := range from.classes {
		x := &from.classes[k]
		s.now++
		if m.classes[x.class].Host() {
			v.fromHost(x, s, want)
		}
		for d, out := range m.in[Egress][x.class].peers(m) {
			if d >= len(m.classes) {
				outside[d-len(m.classes)] = m.join2(outside[d-len(m.classes)], out)
				continue
			}
			g := m.in[Ingress][d]
			if s.asked[g.number] != s.now {
				s.asked[g.number], s.in[g.number] = s.now, g.cellOf(x.class)
			}
			in := s.in[g.number]
			if m.silent(in) {
				continue
			}
			both := verdict{m.ports.and(out.must, in.must), m.ports.and(out.may, in.may)}
			if m.silent(both) {
				continue
			}
			for i := range v.of[d] {
				if t := &v.of[d][i]; want(t.unit, d, x) {
					s.reach(m, t.unit, both)
				}
			}
		}
	}
}

// take lists the units that were reached, in order; the caller closes them.
func (s *scratch) take() []int {
	slices.Sort(s.reached)
	out := s.reached
	s.reached = s.reached[:0]
	return out
}

// silent: nothing passes. That protocols other than TCP, UDP and SCTP might is true of every isolated pod.
func (m *model) silent(v verdict) bool { return v.may == noPorts || v.may == m.otherPorts }

// fromHost adds what pods are reached by from their own node.
func (v *view) fromHost(x *share, s *scratch, want func(unit, class int, x *share) bool) {
	for d, t := range v.beside(x) {
		if want(t.unit, d, x) {
			s.reach(v.m, t.unit, closed.locally(t.local))
		}
	}
}

// neighbour is the pods of a class in a unit, and whether some are on the nodes of pods that have their node's network.
type neighbour struct {
	unit  int
	local truth
}

// beside lists, by class, who may be on the nodes of pods that have their node's network.
func (v *view) beside(x *share) iter.Seq2[int, neighbour] {
	return func(yield func(int, neighbour) bool) {
		for d, c := range v.m.classes {
			if c.newcomer || c.Host() {
				continue
			}
			for _, t := range v.of[d] {
				local := no
				for _, p := range x.pods {
					for _, q := range t.pods {
						local = max(local, sharesNode(p, q))
					}
				}
				if local != no && !yield(d, neighbour{t.unit, local}) {
					return
				}
			}
		}
	}
}

// alone: a single pod reaches itself only, which is no edge.
func alone(pods []*Pod) bool {
	if len(pods) != 1 {
		return false
	}
	p := pods[0]
	return !p.Template || p.Workload.Replicas == 1
}

func (m *model) join2(a, b verdict) verdict {
	return verdict{m.ports.or(a.must, b.must), m.ports.or(a.may, b.may)}
}

type outsidePlace struct {
	place Place
	verdict
}

// joinOutside joins the addresses that are treated alike.
func (m *model) joinOutside(verdicts []verdict) []outsidePlace {
	var out []outsidePlace
	for i, v := range verdicts {
		if m.silent(v) {
			continue
		}
		j := slices.IndexFunc(out, func(o outsidePlace) bool { return o.verdict == v })
		if j < 0 {
			out = append(out, outsidePlace{Place{Kind: "Outside", Addresses: &Addresses{}}, v})
			j = len(out) - 1
		}
		a := out[j].place.Addresses
		a.ranges = append(a.ranges, m.outside[i].ranges...)
	}
	for i := range out {
		out[i].place.Addresses.ranges = out[i].place.Addresses.ranges.merged()
		out[i].place.Name = out[i].place.Addresses.String()
	}
	slices.SortFunc(out, func(a, b outsidePlace) int { return a.place.Compare(b.place) })
	return out
}

// merged joins neighbouring ranges, IPv4 first.
func (ps prefixes) merged() prefixes {
	all := slices.Clone(ps)
	slices.SortFunc(all, func(a, b addressRange) int { return a.first.Compare(b.first) })
	var out prefixes
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1].last.BitLen() == r.first.BitLen() && out[n-1].last.Next() == r.first {
			out[n-1].last = r.last
		} else {
			out = append(out, r)
		}
	}
	return out
}

// fromOutside finds the edges of the addresses outside.
func (v *view) fromOutside() []Edge {
	m := v.m
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Edge
	for j, u := range v.units {
		verdicts := make([]verdict, len(m.outside))
		for _, s := range u.classes {
			g := m.in[Ingress][s.class]
			for k := range m.outside {
				verdicts[k] = m.join2(verdicts[k], g.cellOf(len(m.classes)+k))
			}
		}
		for _, o := range m.joinOutside(verdicts) {
			out = append(out, Edge{&o.place, &v.units[j].place, m.ports.sets[o.must], m.ports.sets[o.may]})
		}
	}
	out = append(out, m.namedFromOutside()...)
	slices.SortStableFunc(out, func(a, b Edge) int { return a.From.Compare(*b.From) })
	return out
}

// between is the ports of the pair that are certainly, and possibly, open; pods are asked for as they are.
func (c *Connectivity) between(from, to End) (must, may Ports) {
	m := c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if from.Pod != nil && to.Named != nil {
		v := m.toName(from.Pod.class, to.Named, nil)
		return m.ports.sets[v.must], m.ports.sets[v.may]
	}
	if from.Named != nil && to.Pod != nil {
		v := m.foldName(to.Pod.class, Ingress, from.Named, nil)
		return m.ports.sets[v.must], m.ports.sets[v.may]
	}
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

// Find is the end that a text names: an address, a host name, or "namespace/name" of a pod or workload, of which any kind,
// or else of a Service, a ServiceEntry or a Service of Knative. An address of a running pod is that pod, and that of a
// Service is the Service. Of a workload it is the first pod.
func (c *Connectivity) Find(text string) (End, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap()
		for _, p := range c.m.pods {
			if slices.Contains(p.Addrs, a) && !p.Host() {
				return End{Pod: p}, nil
			}
		}
		if n := c.m.serviceAt(a); n != nil {
			return End{Named: n}, nil
		}
		return End{Addr: a}, nil
	}
	namespace, name, ok := strings.Cut(text, "/")
	if !ok {
		if n := c.findNamed(text); n != nil {
			return End{Named: n}, nil
		}
		return End{}, fmt.Errorf("%q: want NAMESPACE/NAME, an address or the name of a host", text)
	}
	for _, p := range c.m.pods {
		if p.Namespace == namespace && p.Object.Name() == name {
			return End{Pod: p}, nil
		}
	}
	for _, p := range c.m.pods {
		if p.Namespace == namespace && p.Workload.Ref().Name == name {
			return End{Pod: p}, nil
		}
	}
	if n := c.findNamed(text); n != nil {
		return End{Named: n}, nil
	}
	return End{}, fmt.Errorf("%q: there is no such pod or workload", text)
}
