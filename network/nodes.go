package network

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
)

// nodeSet is the Nodes that were seen, with the addresses of their status.
type nodeSet struct {
	byName map[string]*nodeInfo
	whole  bool // there are no others
}

type nodeInfo struct {
	labels labels.Set
	addrs  []netip.Addr
}

func (n *nodeInfo) label(key string) (string, truth) {
	v, ok := n.labels[key]
	return v, truthOf(ok)
}

// nodeNeeds: which addresses a policy denies or allows can follow from Nodes. They are read where a policy selects nodes and
// nowhere else, so that whoever cannot see them loses nothing otherwise.
func nodeNeeds() []inventory.Need {
	return []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Either).IfRead()}
}

// nodes reads them when the first policy asks.
func (b *builder) nodes() *nodeSet {
	if b.seen != nil {
		return b.seen
	}
	b.seen = &nodeSet{byName: map[string]*nodeInfo{}}
	for o, n := range inventory.Typed[corev1.Node](b.inv) {
		info := &nodeInfo{labels: n.Labels}
		for _, a := range n.Status.Addresses {
			// Host names and DNS names are among them.
			if addr, ok := parseAddr(a.Address); ok && !slices.Contains(info.addrs, addr) {
				info.addrs = append(info.addrs, addr)
			}
		}
		b.seen.byName[o.Name()] = info
	}
	// No cluster has none: where none is there, nobody wrote them down.
	b.seen.whole = len(b.seen.byName) > 0 && b.inv.Coverage(nodeNeeds()[0].GroupKind(), "").State.Complete()
	return b.seen
}

// nodePeers are the nodes that a selector finds: their addresses, and the pods on their network. What was not seen of
// them could be any address but those that no node has, and no pod of a network of its own.
func (b *builder) nodePeers(s *metav1.LabelSelector) (out []peer, doubt, refused string) {
	sel, refused := selectorOf(s)
	if refused != "" {
		return nil, "", refused
	}
	reqs, _ := sel.Requirements()
	matches := func(n *nodeInfo) truth { return matchAll(reqs, n.label) }
	set := b.nodes()
	var addrs prefixes
	if !set.whole {
		doubt = "not every Node that the policy may select could be seen"
	}
	for _, name := range slices.Sorted(maps.Keys(set.byName)) {
		n := set.byName[name]
		if matches(n) == no {
			continue
		}
		if len(n.addrs) == 0 {
			doubt = fmt.Sprintf("the addresses of Node %q are not known", name)
		}
		for _, a := range n.addrs {
			if !addrs.has(a) {
				addrs = append(addrs, addressRange{a, a})
			}
		}
	}
	out = append(out, peer{key: "nodes " + sel.String(), pods: func(c *class) truth {
		if !c.Host() {
			return no
		}
		return set.selected(c.Node, matches)
	}})
	if len(addrs) > 0 {
		block := addrs.merged()
		b.blocks.id(block)
		out = append(out, peer{block: block, podless: true})
	}
	if doubt != "" {
		out = append(out, b.unseenNodes(doubt))
	}
	return out, doubt, ""
}

// selected tells whether a node is among those that a selector finds; without a name it can be any.
func (s *nodeSet) selected(name string, matches func(*nodeInfo) truth) truth {
	if n, ok := s.byName[name]; ok {
		return matches(n)
	}
	if name != "" || !s.whole {
		return maybe
	}
	all, some := yes, no
	for _, n := range s.byName {
		t := matches(n)
		all, some = min(all, t), max(some, t)
	}
	if all == some {
		return all
	}
	return maybe
}

// unseenNodes is every address that a node could have.
func (b *builder) unseenNodes(doubt string) peer {
	b.blocks.id(ofNodes)
	return peer{block: ofNodes, podless: true, doubt: doubt}
}

// ofNodes are all addresses without those that no interface has which others can reach: the unspecified, loopback,
// link-local, multicast and reserved ones (RFC 6890).
var ofNodes = func() prefixes {
	out := prefixes(slices.Clone(families))
	for _, cidr := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"} {
		hole, _ := rangeOf(cidr)
		out = out.without(hole)
	}
	return out
}()

// addressHosts gives pods on the network of a known node its addresses, where their own are not known.
func (s *nodeSet) addressHosts(pods []*Pod) {
	if s == nil {
		return
	}
	for _, p := range pods {
		if n := s.byName[p.Node]; n != nil && p.Host() && len(p.Addrs) == 0 {
			p.Addrs = n.addrs
		}
	}
}

// couldHoldNode tells whether a block holds a node of which the address is not known: as with pods, an IPv4 address, and
// perhaps an IPv6 one. Node addresses need not be private.
func couldHoldNode(block prefixes) truth {
	all, some := yes, no
	for _, r := range ofNodes {
		switch t := block.holds(r); {
		case r.first.Is4():
			all, some = min(all, t), max(some, t)
		default:
			some = max(some, t)
		}
	}
	if all == yes {
		return yes
	}
	return min(some, maybe)
}
