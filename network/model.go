package network

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
)

// model is the pods, the addresses and the policies of an inventory, and what each pod's policies make of every peer.
type model struct {
	profile    Profile
	unshown    bool // manifests come to pods that they do not show
	namespaces map[string]*namespaceInfo
	pods       []*Pod
	classes    []*class
	outside    []*Addresses // numbered after the classes
	names      []*Named
	services   services
	proxies    proxies
	policies   []*policy
	blocks     *blockIndex

	universe   bitset
	everybody  peersOf
	ofRule     map[*rule]peersOf
	ofPeer     map[string]peersOf
	withPorts  map[*rule]bitset
	inCluster  map[string]classRange // classes of a namespace
	otherPorts portID

	mu      sync.Mutex // guards ports, which queries extend, and what is kept of names
	toNames map[nameVerdict]verdict
	ofName  map[string]namePeers
	ports   *portTable
	groups  [2][]*group
	in      [2][]*group // by class
}

// classRange is a range of classes, the second not among them.
type classRange [2]int

// group is classes that the same policies govern in one direction.
type group struct {
	number   int
	policies []governed
	cells    []cell
	rest     verdict // of the peers that are in no cell: mostly nearly all of them
	classes  []int
}

// elsewhere is the namespace of the newcomer that stands for pods of namespaces which do not exist yet.
const elsewhere = ""

func newModel(ctx context.Context, b *builder, workloads []*inventory.Workload) (*model, error) {
	m := &model{
		profile: b.profile, unshown: hasPodMakers(b.inv), policies: b.policies, blocks: &b.blocks, ports: newPortTable(),
		ofRule: map[*rule]peersOf{}, ofPeer: map[string]peersOf{}, withPorts: map[*rule]bitset{}, inCluster: map[string]classRange{},
	}
	m.otherPorts = m.ports.id(otherOnly)
	m.pods = podsOf(workloads)
	b.seen.addressHosts(m.pods)
	m.namespaces = namespacesOf(b.inv, m.pods)
	// One pod more in each namespace: what nobody has made yet.
	ends := slices.Clone(m.pods)
	for name := range m.namespaces {
		ends = append(ends, &Pod{Namespace: name, Spec: &corev1.PodSpec{}, newcomer: true})
	}
	m.classes = classesOf(ends, &b.uses, &b.blocks, m.namespaces)
	for i, c := range m.classes {
		s, ok := m.inCluster[c.Namespace]
		if !ok {
			s[0] = i
		}
		s[1] = i + 1
		m.inCluster[c.Namespace] = s
	}
	m.outside = b.blocks.split()
	m.names = b.allNames()
	m.universe = span(0, len(m.classes)+len(m.outside)+1) // and one that no rule names
	m.everybody = peersOf{m.universe, m.universe}
	sortPolicies(m.policies)
	return m, m.group(ctx)
}

// namespacesOf lists the namespaces that are there or are spoken of, and one that is neither. The API server gives every
// namespace its name as a label, whatever a manifest says (pkg/apis/core/v1/defaults.go, SetDefaults_Namespace).
func namespacesOf(inv *inventory.Inventory, pods []*Pod) map[string]*namespaceInfo {
	out := map[string]*namespaceInfo{elsewhere: {name: elsewhere}}
	for o, ns := range inventory.Typed[corev1.Namespace](inv) {
		set := labels.Set{}
		for k, v := range ns.Labels {
			set[k] = v
		}
		set[corev1.LabelMetadataName] = o.Name()
		out[o.Name()] = &namespaceInfo{name: o.Name(), labels: set, known: true, object: o}
	}
	whole := inv.Coverage(inventory.NeedOf[corev1.Namespace](inventory.Either).GroupKind(), "").State.Complete()
	for _, p := range pods {
		if out[p.Namespace] == nil {
			out[p.Namespace] = &namespaceInfo{name: p.Namespace, labels: labels.Set{corev1.LabelMetadataName: p.Namespace}, known: whole}
		}
	}
	return out
}

// group finds the policies of every class, and folds those of each group once.
func (m *model) group(ctx context.Context) error {
	byNamespace := map[namespace][]int{}
	for i, p := range m.policies {
		byNamespace[p.namespace] = append(byNamespace[p.namespace], i)
	}
	byKey := [2]map[string]*group{{}, {}}
	for _, d := range []Direction{Ingress, Egress} {
		m.in[d] = make([]*group, len(m.classes))
	}
	for i, c := range m.classes {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var own []int
		if c.Namespace != elsewhere {
			own = byNamespace[namespace(c.Namespace)]
		}
		candidates := slices.Concat(byNamespace[""], own)
		slices.Sort(candidates)
		var selected []governed
		var numbers []int
		for _, n := range candidates {
			p := m.policies[n]
			sure := p.selects(c)
			if sure != no && p.doubt != "" {
				sure = maybe
			}
			if sure != no {
				selected = append(selected, governed{p, sure})
				numbers = append(numbers, n)
			}
		}
		for _, d := range []Direction{Ingress, Egress} {
			key := m.groupKey(c, d, selected, numbers)
			g := byKey[d][key]
			if g == nil {
				g = &group{number: len(m.groups[d])}
				for _, p := range selected {
					if p.dirs[d].isolates != no || len(p.dirs[d].rules) > 0 {
						g.policies = append(g.policies, p)
					}
				}
				m.foldGroup(g, c, d)
				byKey[d][key] = g
				m.groups[d] = append(m.groups[d], g)
			}
			g.classes = append(g.classes, i)
			m.in[d][i] = g
		}
	}
	return nil
}

func (m *model) groupKey(c *class, d Direction, selected []governed, numbers []int) string {
	var b strings.Builder
	named := false
	for i, p := range selected {
		s := &p.dirs[d]
		if s.isolates == no && len(s.rules) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%d,%d;", numbers[i], p.sure)
		for j := range s.rules {
			named = named || len(s.rules[j].ports.named) > 0
		}
	}
	if named && d == Ingress {
		for _, p := range c.namedPorts() {
			fmt.Fprintf(&b, "%s/%s=%d;", p.Name, p.Protocol, p.ContainerPort)
		}
	}
	return b.String()
}

// peersOf are the peers of a rule; what several rules share is found once.
func (m *model) peersOf(r *rule) peersOf {
	if out, ok := m.ofRule[r]; ok {
		return out
	}
	var out peersOf
	for i := range r.peers {
		p := m.peersOfOne(&r.peers[i])
		out.sure, out.maybe = out.sure.or(p.sure), out.maybe.or(p.maybe)
	}
	m.ofRule[r] = out
	return out
}

func (m *model) peersOfOne(p *peer) peersOf {
	if p.everybody {
		if p.doubt != "" {
			return peersOf{maybe: m.universe}
		}
		return m.everybody
	}
	var key string
	switch {
	case p.pods != nil && p.key != "":
		key = "pods " + string(p.namespace) + "\x00" + p.key + "\x00" + p.doubt
	case p.pods == nil:
		key = fmt.Sprint("block ", p.block.key(), p.podless, p.hostless, p.doubt)
	}
	if out, ok := m.ofPeer[key]; ok && key != "" {
		return out
	}
	var out peersOf
	put := func(i int, t truth) {
		if t == no {
			return
		}
		out.maybe.set(i)
		if t == yes && p.doubt == "" {
			out.sure.set(i)
		}
	}
	if p.pods != nil {
		for _, classes := range m.classesFor(p) {
			for i := classes[0]; i < classes[1]; i++ {
				put(i, p.pods(m.classes[i]))
			}
		}
	} else {
		m.holds(p, put)
	}
	if key != "" {
		m.ofPeer[key] = out
	}
	return out
}

// classesFor lists where classes of a peer can be. A namespace is asked once, and not every class in it.
func (m *model) classesFor(p *peer) []classRange {
	switch {
	case p.namespace != "":
		return []classRange{m.inCluster[string(p.namespace)]}
	case p.spaces == nil:
		return []classRange{{0, len(m.classes)}}
	}
	var out []classRange
	for i := 0; i < len(m.classes); {
		ns := m.classes[i].in
		s := m.inCluster[ns.name]
		if p.spaces(ns) != no {
			out = append(out, s)
		}
		i = s[1]
	}
	return out
}

// holds finds what is in a block: external addresses and, where the plugin looks at pods' addresses, pods.
func (m *model) holds(p *peer, put func(i int, t truth)) {
	id := m.blocks.id(p.block)
	assumed, ofNode := m.couldHold(p.block), couldHoldNode(p.block)
	for i, c := range m.classes {
		most := yes
		if p.podless {
			// A plugin that knows pods by their identity may know nodes by theirs as well.
			most = maybe
		}
		switch {
		case p.podless && !c.Host(), p.hostless && c.Host():
		case len(c.Addrs) == 0 && c.Host():
			put(i, min(ofNode, most))
		case len(c.Addrs) == 0:
			put(i, min(assumed, most))
		case slices.Contains(c.blocks, id):
			put(i, most)
		case slices.Contains(c.someBlocks, id):
			put(i, maybe)
		}
	}
	for i, a := range m.outside {
		if slices.Contains(a.blocks, id) {
			put(len(m.classes)+i, yes)
		}
	}
}

// couldHold tells whether a block holds pods of which the addresses are not known. They are taken to have IPv4 addresses,
// and perhaps IPv6 ones.
func (m *model) couldHold(block prefixes) truth {
	v4, v6 := m.holdsPods(block, families[0]), m.holdsPods(block, families[1])
	if v4 == no && v6 != no {
		return maybe
	}
	return v4
}

func (m *model) holdsPods(block prefixes, family addressRange) truth {
	in, out := false, false
	for _, cidr := range m.profile.PodCIDRs {
		r := addressRange{cidr.Masked().Addr(), lastOf(cidr.Masked())}
		if r.first.BitLen() != family.first.BitLen() {
			continue
		}
		switch block.holds(r) {
		case yes:
			in = true
		case no:
			out = true
		default:
			return maybe
		}
	}
	switch {
	case in && out:
		return maybe
	case in:
		return yes
	}
	return no
}

// cellOf finds what a group makes of a peer.
func (g *group) cellOf(peer int) verdict {
	for i := range g.cells {
		if g.cells[i].peers.has(peer) {
			return g.cells[i].verdict
		}
	}
	return g.rest
}

// foldGroup takes those peers through the policies of a group that some rule names, and one for all the others.
func (m *model) foldGroup(g *group, c *class, d Direction) {
	var named bitset
	for _, p := range g.policies {
		for i := range p.dirs[d].rules {
			r := &p.dirs[d].rules[i]
			if !slices.ContainsFunc(r.peers, func(p peer) bool { return p.everybody }) {
				named = named.or(m.peersOf(r).maybe)
				continue
			}
			if !slices.ContainsFunc(r.peers, func(p peer) bool { return p.everybody && p.doubt == "" }) {
				// It may speak of everybody, and surely does of some.
				named = named.or(m.peersOf(r).sure)
			}
			if d == Egress {
				named = named.or(m.naming(r))
			}
		}
	}
	nobody := len(m.classes) + len(m.outside)
	g.rest = m.fold(c, d, span(nobody, nobody+1), g.policies, nil)[0].verdict
	if named.empty() {
		return
	}
	cells := m.fold(c, d, named, g.policies, nil)
	g.cells = slices.DeleteFunc(cells, func(x cell) bool { return x.verdict == g.rest })
}

// peers lists what a group makes of every peer but those that it lets nothing pass to.
func (g *group) peers(m *model) iter.Seq2[int, verdict] {
	return func(yield func(int, verdict) bool) {
		for i := range g.cells {
			if m.silent(g.cells[i].verdict) {
				continue
			}
			for p := range g.cells[i].peers.each() {
				if !yield(p, g.cells[i].verdict) {
					return
				}
			}
		}
		if m.silent(g.rest) {
			return
		}
		rest := span(0, len(m.classes)+len(m.outside))
		for i := range g.cells {
			rest = rest.minus(g.cells[i].peers)
		}
		for p := range rest.each() {
			if !yield(p, g.rest) {
				return
			}
		}
	}
}

// externalOf finds the addresses that hold one.
func (m *model) externalOf(a netip.Addr) (int, bool) {
	for i, x := range m.outside {
		if x.Has(a) {
			return len(m.classes) + i, true
		}
	}
	return 0, false
}
