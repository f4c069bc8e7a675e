package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Named is an end that is known by its name: a host outside of the cluster, of which the addresses are mostly not known, or
// a Service of Knative, of which the pods are made later. Services of type ExternalName, ServiceEntries of Istio, policies
// that admit hosts by name, and Services of Knative speak of such ends.
type Named struct {
	// Kind is "Name" for a host, "Knative", and "Service" for one of the cluster, which somebody asks for.
	Kind string
	// Namespace and Name are those of a Service; a host has its name, or a pattern such as "*.example.com", in
	// lower case.
	Namespace, Name string
	// Objects speak of it, in order.
	Objects []*inventory.Object
	// Ports are those that it is said to have; every port where nothing is said.
	Ports Ports
	// Public is set where a Service of Knative is reached from outside.
	Public bool

	declared bool     // by an object that stands for it; others are in policies alone
	addrs    prefixes // known ones, of a ServiceEntry
	entries  int      // how many there are
	inside   string   // the namespace of the pods behind it; "" where it is outside
	service  *corev1.Service
}

// Place is the place of the end in maps.
func (n *Named) Place() Place {
	return Place{Kind: n.Kind, Namespace: n.Namespace, Name: n.Name, Named: n}
}

func (n *Named) String() string { return n.Place().Key() }

var serviceEntryKind = schema.GroupKind{Group: istioNetworking, Kind: "ServiceEntry"}

// NamedNeeds are what named ends are found in, beside policies. Checks on the map do not look at them.
func NamedNeeds() []inventory.Need {
	return append(knativeNeeds(),
		inventory.NeedOf[corev1.Service](inventory.Incriminating),
		inventory.Need{Group: istioNetworking, Kind: "ServiceEntry", Resource: "serviceentries", Bias: inventory.Incriminating},
	)
}

// host notes that an object speaks of a host.
func (b *builder) host(name string, o *inventory.Object) *Named {
	name = hostName(name)
	return b.named(Named{Kind: "Name", Name: name}, o)
}

func (b *builder) named(n Named, o *inventory.Object) *Named {
	key := n.String()
	have := b.names[key]
	if have == nil {
		if b.names == nil {
			b.names = map[string]*Named{}
		}
		have = &n
		b.names[key] = have
	}
	if o != nil && !slices.Contains(have.Objects, o) {
		have.Objects = append(have.Objects, o)
	}
	return have
}

// hostName is a name as DNS compares it.
func hostName(s string) string { return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), ".")) }

// isHost tells a host name, or a pattern of some, from other text: labels of letters, digits, hyphens and underscores with a
// dot between them (RFC 1123; ServiceEntries and policies have stars).
func isHost(s string) bool {
	labels := strings.Split(hostName(s), ".")
	if len(labels) < 2 || len(s) > 255 {
		return false
	}
	return !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_*") != ""
	})
}

// namedEnds notes what objects other than policies speak of.
func (b *builder) namedEnds() {
	b.services = map[serviceKey]*corev1.Service{}
	for o, s := range inventory.Typed[corev1.Service](b.inv) {
		b.services[serviceKey{o.Namespace(), o.Name()}] = s
		if s.Spec.Type != corev1.ServiceTypeExternalName || !isHost(s.Spec.ExternalName) {
			continue
		}
		n := b.host(s.Spec.ExternalName, o)
		n.declared = true
		n.inside, _ = insideOf(n.Name)
		var ports Ports
		for i := range s.Spec.Ports {
			if p, ok := protocolOf(&s.Spec.Ports[i].Protocol); ok || s.Spec.Ports[i].Protocol == "" {
				ports = ports.Union(portRangeOf(p, s.Spec.Ports[i].Port, s.Spec.Ports[i].Port))
			}
		}
		n.has(ports)
	}
	for o := range b.inv.ByKind(serviceEntryKind) {
		b.serviceEntry(o)
	}
	for o := range b.inv.ByKind(knativeServiceKind) {
		n := b.named(Named{Kind: "Knative", Namespace: o.Namespace(), Name: o.Name(), declared: true, inside: o.Namespace(), Public: knativePublic(o)}, o)
		n.has(PortRange(TCP, 80, 80).Union(PortRange(TCP, 443, 443)))
	}
}

// insideOf is the Service that a host name is: "web.shop.svc", with a domain behind or not.
func insideOf(host string) (namespace, name string) {
	if namespace, name, ok := istioService(host, ""); ok && strings.Contains(host, ".") {
		return namespace, name
	}
	return "", ""
}

// has adds ports that something says of a host; that something does not say any leaves all of them.
func (n *Named) has(ports Ports) {
	if ports.Empty() {
		ports = AllPorts
	}
	n.Ports = n.Ports.Union(ports)
}

// serviceEntry is https://istio.io/latest/docs/reference/config/networking/service-entry. Endpoints are where proxies
// connect to; without any, and without resolution, connections go to the addresses of the entry.
func (b *builder) serviceEntry(o *inventory.Object) {
	var e struct {
		Spec struct {
			Hosts, Addresses []string
			Resolution       string
			Ports            []struct {
				Number, TargetPort int32
				Protocol           string
			}
			Endpoints []struct{ Address string }
		}
	}
	if err := json.Unmarshal(o.JSON(), &e); err != nil {
		b.note(o, []any{"spec"}, "it cannot be read: %v", err)
		return
	}
	var ports Ports
	for _, p := range e.Spec.Ports {
		protocol := TCP
		if strings.EqualFold(p.Protocol, "UDP") {
			protocol = UDP
		}
		number := cmp.Or(p.TargetPort, p.Number)
		ports = ports.Union(portRangeOf(protocol, number, number))
	}
	var where []string
	switch {
	case e.Spec.Resolution == "STATIC" || strings.HasPrefix(e.Spec.Resolution, "DNS") && len(e.Spec.Endpoints) > 0:
		where = each(e.Spec.Endpoints, func(x struct{ Address string }) string { return x.Address })
	case e.Spec.Resolution == "" || e.Spec.Resolution == "NONE":
		where = e.Spec.Addresses
	}
	var addrs prefixes
	for _, a := range where {
		r, ok := rangeOf(withLength(a))
		if !ok {
			addrs = nil // one is a name
			break
		}
		addrs = append(addrs, r)
	}
	if len(addrs) > 0 {
		b.blocks.id(addrs)
	}
	for _, h := range e.Spec.Hosts {
		if !isHost(h) {
			continue
		}
		n := b.host(h, o)
		n.declared = true
		n.has(ports)
		// Of a name that several entries speak of, addresses of one are not all of them.
		if n.entries++; n.entries == 1 {
			n.addrs = addrs
		} else {
			n.addrs = nil
		}
	}
}

// allNames lists the ends that were noted.
func (b *builder) allNames() []*Named {
	out := make([]*Named, 0, len(b.names))
	for _, n := range b.names {
		b.lead(n)
		n.has(n.Ports)
		slices.SortFunc(n.Objects, func(a, b *inventory.Object) int { return a.Ref().Compare(b.Ref()) })
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *Named) int { return a.Place().Compare(b.Place()) })
	return out
}

// Names lists the ends that are known by their names.
func (c *Connectivity) Names() []*Named { return c.m.names }

// namePattern is hosts that a policy admits by name.
type namePattern struct {
	text string
	// deep patterns have stars that stand for several labels; others stand for a part of one.
	deep bool
}

// admits tells whether the pattern surely holds a host, or all hosts of another pattern.
func (p namePattern) admits(host string) bool {
	pattern := hostName(p.text)
	switch {
	case pattern == host || pattern == "*":
		return true
	case p.deep:
		return hostWithin(host, pattern)
	case strings.Contains(host, "*"):
		return false
	}
	want, have := strings.Split(pattern, "."), strings.Split(host, ".")
	return len(want) == len(have) && !slices.ContainsFunc(want, func(w string) bool {
		h := have[0]
		have = have[1:]
		return !glob(w, h)
	})
}

// glob matches a label with stars, each of which stands for any characters.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	s, ok := strings.CutPrefix(s, head)
	if !ok || !star {
		return ok && s == ""
	}
	for i := 0; i <= len(s); i++ {
		if glob(rest, s[i:]) {
			return true
		}
	}
	return false
}

// named makes peers of what policies admit by name. Everything else they may be as well, since names share addresses.
func (b *builder) byName(o *inventory.Object, peers []peer, patterns ...namePattern) []peer {
	for _, p := range patterns {
		if isHost(p.text) {
			b.host(p.text, o)
		}
	}
	for i := range peers {
		peers[i].names = patterns
	}
	return peers
}

// nameVerdict is a group of policies and a name, which is empty for one that nothing tells apart.
type nameVerdict struct {
	group *group
	name  string
}

// namePeers are the peers that a name can be, and those that it is taken to be one of.
type namePeers struct{ all, certain bitset }

// toName is what may pass from the pods of a class to a named end, wherever that is: it certainly may where that is so for
// every address that the name can have, and possibly where it is for one, or for a pod.
func (m *model) toName(class int, n *Named, note func(Step)) verdict {
	if n.service != nil && note == nil {
		return m.toService(class, n)
	}
	g := m.in[Egress][class]
	key := nameVerdict{group: g}
	if len(n.addrs) > 0 || n.inside != "" || g.admits(n.Name) {
		key.name = n.String() // otherwise it is as any other
	}
	if v, ok := m.toNames[key]; ok && note == nil {
		return v
	}
	v := m.foldName(class, Egress, n, note)
	if m.toNames == nil {
		m.toNames = map[nameVerdict]verdict{}
	}
	if key.name == "" || slices.Contains(m.names, n) { // what somebody asks for once is not kept
		m.toNames[key] = v
	}
	return v
}

// foldName takes every peer that a name can be through the policies of a class.
func (m *model) foldName(class int, d Direction, n *Named, note func(Step)) verdict {
	policies, done := m.as(n.Name, m.in[d][class].policies, d)
	defer done()
	universe, certain := m.peersOfName(n)
	out := verdict{allPorts, noPorts}
	for _, x := range m.fold(m.classes[class], d, universe, policies, note) {
		out.may = m.ports.or(out.may, x.may)
		if x.peers.meets(certain) {
			out.must = m.ports.and(out.must, x.must)
		}
	}
	if n.inside != "" {
		out = m.intoCluster(n, out)
	}
	return out
}

// lead finds the Service that a name within the cluster is.
func (b *builder) lead(n *Named) {
	if n.Kind == "Name" && n.inside != "" {
		namespace, name := insideOf(n.Name)
		n.service = selecting(b.services[serviceKey{namespace, name}])
	}
}

// peersOfName are the peers that a name can be, and those that it is taken to be one of: names are taken to have IPv4
// addresses, as pods are. A name can lead back into the cluster, where a load balancer of the cluster has its address.
func (m *model) peersOfName(n *Named) (all, certain bitset) {
	key := n.addrs.String()
	if p, ok := m.ofName[key]; ok {
		return p.all, p.certain
	}
	if m.ofName == nil {
		m.ofName = map[string]namePeers{}
	}
	defer func() { m.ofName[key] = namePeers{all, certain} }()
	anywhere := len(n.addrs) == 0 || m.couldHold(n.addrs) != no
	for i, c := range m.classes {
		known := len(c.Addrs) > 0
		switch {
		case !anywhere && !(known && slices.ContainsFunc(c.pods, func(p *Pod) bool { return slices.ContainsFunc(p.Addrs, n.addrs.has) })):
			continue
		case c.newcomer: // it leads to what there is
		case !known || slices.ContainsFunc(c.Addrs, netip.Addr.Is4):
			certain.set(i)
		}
		all.set(i)
	}
	for i, a := range m.outside {
		switch {
		case len(n.addrs) > 0 && !slices.ContainsFunc(a.ranges, func(r addressRange) bool { return n.addrs.holds(r) != no }):
			continue
		case len(n.addrs) > 0 || sameFamily(a.ranges, families[0]):
			certain.set(len(m.classes) + i)
		}
		all.set(len(m.classes) + i)
	}
	return all, certain
}

// intoCluster: which port leads to which pods is not known of a name, so that all is certain or nothing is.
func (m *model) intoCluster(n *Named, v verdict) verdict {
	governed := slices.ContainsFunc(m.policies, func(p *policy) bool {
		s := &p.dirs[Ingress]
		return (p.namespace == "" || string(p.namespace) == n.inside) && (s.isolates != no || len(s.rules) > 0)
	})
	out := verdict{noPorts, allPorts}
	if m.silent(verdict{v.may, v.may}) {
		out.may = noPorts
	}
	if v.must == allPorts && !governed {
		out.must = allPorts
	}
	return out
}

// as is policies as they are for a host: rules that admit it by name surely match it, whatever its address. done forgets
// the copies.
func (m *model) as(host string, policies []governed, d Direction) (out []governed, done func()) {
	var copies []*rule
	for i, p := range policies {
		rules := p.dirs[d].rules
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.admits(host) }) {
			continue
		}
		if out == nil {
			out = slices.Clone(policies)
		}
		own := *p.policy
		own.dirs[d].rules = slices.Clone(rules)
		for j := range own.dirs[d].rules {
			r := &own.dirs[d].rules[j]
			copies = append(copies, r)
			if !r.admits(host) {
				continue
			}
			r.peers = slices.Clone(r.peers)
			for k := range r.peers {
				if r.peers[k].admits(host) {
					r.peers[k] = peer{everybody: true}
				}
			}
		}
		out[i].policy = &own
	}
	if out == nil {
		return policies, func() {}
	}
	return out, func() {
		for _, r := range copies {
			delete(m.ofRule, r)
			delete(m.withPorts, r)
		}
	}
}

func (r *rule) admits(host string) bool {
	return r.action == allow && slices.ContainsFunc(r.peers, func(p peer) bool { return p.admits(host) })
}

func (p *peer) admits(host string) bool {
	return slices.ContainsFunc(p.names, func(n namePattern) bool { return n.admits(host) })
}

// evaluateNamed answers for a flow of which an end is a name.
func (c *Connectivity) evaluateNamed(f Flow) Verdict {
	m := c.m
	var out Verdict
	ports := m.ports.id(PortRange(f.Protocol, f.Port, f.Port))
	note := func(s Step) {
		if !slices.ContainsFunc(out.Steps, func(t Step) bool { return t.String() == s.String() }) && s.speaksOf(f.Protocol, f.Port) {
			out.Steps = append(out.Steps, s)
		}
	}
	v, name := open, f.To.Named
	switch {
	case f.From.Pod != nil:
		v = m.toName(f.From.Pod.class, name, note)
	case f.To.Pod != nil:
		name = f.From.Named
		v = m.foldName(f.To.Pod.class, Ingress, name, note)
	}
	if name == nil {
		name = f.From.Named
	}
	must, may := m.ports.and(v.must, ports), m.ports.and(v.may, ports)
	switch {
	case must == ports:
		out.Answer = Allowed
	case may == noPorts:
		out.Answer = Denied
	}
	out.Reason = out.reason(may != noPorts, no)
	if out.Answer == Undecided {
		why := fmt.Sprintf("what %s resolves to is not known", name.Name)
		switch {
		case name.Kind == "Service":
			why = fmt.Sprintf("%s/%s has no selector: where it leads is not known", name.Namespace, name.Name)
		case name.Kind == "Knative":
			why = fmt.Sprintf("which pods Knative makes for %s/%s is not known", name.Namespace, name.Name)
		case name.inside != "":
			why = fmt.Sprintf("%s is a Service of the cluster that was not seen, or has no selector", name.Name)
		case len(name.addrs) > 0:
			why = fmt.Sprintf("%s has several addresses", name.Name)
		}
		out.Reason = strings.TrimSuffix(why+": "+out.Reason, ": ")
	}
	return out
}

// findNamed is the end that a text names: a host, or "namespace/name" of an object that stands for one.
func (c *Connectivity) findNamed(text string) *Named {
	if namespace, name, ok := strings.Cut(text, "/"); ok {
		if s := c.m.services[serviceKey{namespace, name}]; s != nil && s.Spec.Type != corev1.ServiceTypeExternalName {
			return serviceEnd(namespace, name, s)
		}
		i := slices.IndexFunc(c.m.names, func(n *Named) bool {
			return slices.ContainsFunc(n.Objects, func(o *inventory.Object) bool {
				return o.Namespace() == namespace && o.Name() == name && (o.GroupKind() == knativeServiceKind || o.GroupKind() == serviceEntryKind || o.GroupKind().Group == "")
			})
		})
		if i < 0 {
			return nil
		}
		return c.m.names[i]
	}
	if !isHost(text) {
		return nil
	}
	n := &Named{Kind: "Name", Name: hostName(text), Ports: AllPorts}
	if i := slices.IndexFunc(c.m.names, func(x *Named) bool { return x.Kind == n.Kind && x.Name == n.Name }); i >= 0 {
		return c.m.names[i]
	}
	namespace, name := insideOf(n.Name)
	n.inside, n.service = namespace, selecting(c.m.services[serviceKey{namespace, name}])
	return n
}

// maxPolicyNames are the names in policies alone up to which each is an end of edges for every pod. Beyond, those that the
// policies of a pod do not admit by name are one end for it, as addresses are that nothing tells apart: a cluster with a
// thousand names and a thousand workloads would have a million edges else, of which nearly all say the same.
const maxPolicyNames = 10

// otherNames stands for them.
var otherNames = &Named{Kind: "Name", Name: "other names", Ports: AllPorts}

func (m *model) manyNames() bool {
	n := 0
	for _, x := range m.names {
		n += b2i(!x.declared)
	}
	return n > maxPolicyNames
}

// NamedPlaces are the named ends that a map has, whether something leads to them or not, in order: all, unless there are
// many that policies alone speak of.
func (z *Zones) NamedPlaces() []Place {
	var out []Place
	many := z.m.manyNames()
	for _, n := range z.m.names {
		if n.declared || !many {
			out = append(out, n.Place())
		}
	}
	return out
}

// admits tells whether a policy of the group admits a host by its name.
func (g *group) admits(host string) bool {
	return slices.ContainsFunc(g.policies, func(p governed) bool {
		return slices.ContainsFunc(p.dirs[Egress].rules, func(r rule) bool { return r.admits(host) })
	})
}

// namedEdges finds what may pass from a unit to named ends.
func (v *view) namedEdges(u *unit) []Edge {
	m := v.m
	if len(m.names) == 0 {
		return nil
	}
	var out []Edge
	add := func(n *Named, all verdict) {
		must, may := m.ports.sets[all.must].Intersect(n.Ports), m.ports.sets[all.may].Intersect(n.Ports)
		if !may.Minus(PortRange(Other, 0, 0)).Empty() {
			out = append(out, Edge{From: u.place, To: n.Place(), Must: must, May: may})
		}
	}
	many, others := m.manyNames(), closed
	for _, n := range m.names {
		all := closed
		for _, s := range u.classes {
			all = m.join2(all, m.toName(s.class, n, nil))
		}
		if many && !n.declared && !slices.ContainsFunc(u.classes, func(s share) bool { return m.in[Egress][s.class].admits(n.Name) }) {
			others = m.join2(others, all)
		} else {
			add(n, all)
		}
	}
	add(otherNames, others)
	slices.SortFunc(out, func(a, b Edge) int { return a.To.Compare(b.To) })
	return out
}

// namedFromOutside finds the named ends that are reached from outside: the ways to them are not known.
func (m *model) namedFromOutside() []Edge {
	var out []Edge
	all := &Addresses{ranges: families}
	for _, n := range m.names {
		if n.Public {
			out = append(out, Edge{From: Place{Kind: "Outside", Name: all.String(), Addresses: all}, To: n.Place(), May: n.Ports})
		}
	}
	return out
}
