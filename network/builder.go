package network

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/nist190/nist190/inventory"
)

// builder brings the policies of every engine to one form, and notes what they look at.
type builder struct {
	inv       *inventory.Inventory
	workloads []*inventory.Workload
	profile   Profile
	uses      vocabulary
	blocks    blockIndex
	policies  []*policy
	notes     []Note
	numbers   map[namedPort]Ports // that names stand for, once somebody asked
	seen      *nodeSet            // nil where no policy asked for Nodes
	names     map[string]*Named
	services  services
}

// Note is something about a policy that makes answers unknown, or that its author did not mean.
type Note struct {
	Object *inventory.Object
	Path   []any
	Text   string
}

func (b *builder) note(o *inventory.Object, path []any, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	b.notes = append(b.notes, Note{o, path, text})
	return text
}

func newBuilder(inv *inventory.Inventory, p Profile) *builder {
	return &builder{inv: inv, profile: p, uses: vocabulary{labels: map[string]bool{}, ports: map[string]bool{}, hosts: p.HostNetwork != Ignored}}
}

// labelSelector turns a selector of pods' labels into a question; refused says why the API server would not take it.
func (b *builder) labelSelector(s *metav1.LabelSelector) (matches func(*class) truth, key, refused string) {
	sel, refused := selectorOf(s)
	if refused != "" {
		return nil, "", refused
	}
	reqs, _ := sel.Requirements()
	for _, r := range reqs {
		b.uses.labels[r.Key()] = true
	}
	return func(c *class) truth { return matchAll(reqs, c.label) }, sel.String(), ""
}

// namespaceSelector is the same for namespaces' labels.
func (b *builder) namespaceSelector(s *metav1.LabelSelector) (matches func(*namespaceInfo) truth, key, refused string) {
	sel, refused := selectorOf(s)
	if refused != "" {
		return nil, "", refused
	}
	reqs, _ := sel.Requirements()
	return func(n *namespaceInfo) truth { return matchAll(reqs, n.label) }, sel.String(), ""
}

func selectorOf(s *metav1.LabelSelector) (labels.Selector, string) {
	sel, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return nil, err.Error()
	}
	if s == nil {
		return labels.Everything(), ""
	}
	return sel, ""
}

// matchAll asks every requirement; what would rest on a label that was not seen is open unless another refuses.
func matchAll(reqs labels.Requirements, label func(key string) (string, truth)) truth {
	out := yes
	for i := range reqs {
		r := &reqs[i]
		value, has := label(r.Key())
		if has == maybe {
			out = min(out, maybe)
			continue
		}
		if !matchOne(r, value, has == yes) {
			return no
		}
	}
	return out
}

// matchOne is labels.Requirement.Matches without a map: NotIn and DoesNotExist match what lacks the key.
func matchOne(r *labels.Requirement, value string, has bool) bool {
	switch r.Operator() {
	case selection.In, selection.Equals, selection.DoubleEquals:
		return has && r.Values().Has(value)
	case selection.NotIn, selection.NotEquals:
		return !has || !r.Values().Has(value)
	case selection.Exists:
		return has
	case selection.DoesNotExist:
		return !has
	}
	return false
}

// both asks for pods of matching namespaces.
func both(pods func(*class) truth, namespaces func(*namespaceInfo) truth) func(*class) truth {
	return func(c *class) truth {
		t := namespaces(c.in)
		if t == no {
			return no
		}
		return min(t, pods(c))
	}
}

// asSubject limits a question to pods that policies govern. Every known plugin treats pods on the host's network as the
// node and leaves them alone (https://github.com/kubernetes/website/pull/39875); ClusterNetworkPolicy says so.
func (b *builder) asSubject(matches func(*class) truth, always bool) func(*class) truth {
	return func(c *class) truth {
		if c.Host() {
			switch {
			case always || b.profile.HostNetwork == Ignored:
				return no
			case b.profile.HostNetwork == Undetermined:
				return min(maybe, matches(c))
			}
		}
		return matches(c)
	}
}

// networkPolicies brings every NetworkPolicy to the common form.
func (b *builder) networkPolicies() {
	for o, np := range inventory.Typed[networkingv1.NetworkPolicy](b.inv) {
		p := &policy{object: o, tier: policyTier, order: 1000, namespace: namespace(o.Namespace())}
		matches, _, refused := b.labelSelector(&np.Spec.PodSelector)
		if refused != "" {
			b.note(o, []any{"spec", "podSelector"}, "the API server refuses the policy: %s", refused)
			continue
		}
		p.selects = b.asSubject(matches, false)
		for _, d := range []Direction{Ingress, Egress} {
			if !slices.Contains(np.Spec.PolicyTypes, policyTypes[d]) {
				continue
			}
			p.dirs[d].isolates = yes
			for i, f := range rulesOf(&np.Spec, policyTypes[d]) {
				r := rule{path: []any{"spec", strings.ToLower(string(policyTypes[d])), i}, ports: b.portSpec(f.ports)}
				if len(f.peers) == 0 {
					r.peers = world
				}
				for j := range f.peers {
					field := [...]string{"from", "to"}[d]
					at := append(slices.Clone(r.path), field, j)
					if peer, refused := b.networkPolicyPeer(o, &f.peers[j]); refused == "" {
						r.peers = append(r.peers, peer)
					} else {
						p.doubt = b.note(o, at, "the API server refuses the policy: %s", refused)
					}
				}
				p.dirs[d].rules = append(p.dirs[d].rules, r)
			}
		}
		if o.Strength() >= inventory.Observed {
			p.doubt = "" // what runs was accepted, once
		}
		b.policies = append(b.policies, p)
	}
}

var policyTypes = [...]networkingv1.PolicyType{Ingress: networkingv1.PolicyTypeIngress, Egress: networkingv1.PolicyTypeEgress}

// networkPolicyPeer reads one peer as pkg/apis/networking/validation does: exactly one of a block and selectors.
func (b *builder) networkPolicyPeer(o *inventory.Object, p *networkingv1.NetworkPolicyPeer) (peer, string) {
	switch {
	case p.IPBlock != nil && (p.PodSelector != nil || p.NamespaceSelector != nil):
		return peer{}, "a peer has both a block and a selector"
	case p.IPBlock != nil:
		block := blockOf(p.IPBlock)
		if len(block) == 0 {
			if _, ok := rangeOf(p.IPBlock.CIDR); !ok {
				return peer{}, fmt.Sprintf("%q is no CIDR", p.IPBlock.CIDR)
			}
		}
		b.blocks.id(block)
		return b.blockPeer(block), ""
	case p.PodSelector == nil && p.NamespaceSelector == nil:
		return peer{}, "a peer is empty"
	}
	pods, key := func(*class) truth { return yes }, ""
	if p.PodSelector != nil {
		var refused string
		if pods, key, refused = b.labelSelector(p.PodSelector); refused != "" {
			return peer{}, refused
		}
	}
	if p.NamespaceSelector == nil {
		return peer{pods: b.asPeer(pods, false), namespace: namespace(o.Namespace()), key: key}, ""
	}
	namespaces, nsKey, refused := b.namespaceSelector(p.NamespaceSelector)
	if refused != "" {
		return peer{}, refused
	}
	return peer{pods: b.asPeer(both(pods, namespaces), false), spaces: namespaces, key: nsKey + "\x00" + key}, ""
}

// asPeer: pods on the host's network have the node's address, and no selector finds them.
func (b *builder) asPeer(matches func(*class) truth, always bool) func(*class) truth {
	return b.asSubject(matches, always)
}

// blockPeer is a block that matches pods as the profile says.
func (b *builder) blockPeer(block prefixes) peer {
	out := peer{block: block}
	switch b.profile.IPBlockMatchesPods {
	case No:
		out.podless = true
	case Unknown:
		out.doubt = "whether address blocks match pods depends on the network plugin"
	}
	return out
}

// portSpec: no ports are every port of every protocol; an entry without a port is every port of its protocol.
func (b *builder) portSpec(ports []networkingv1.NetworkPolicyPort) portSpec {
	if len(ports) == 0 {
		return portSpec{ports: AllPorts}
	}
	var out portSpec
	for i := range ports {
		p := &ports[i]
		protocol, ok := protocolOf(p.Protocol)
		switch {
		case !ok:
		case p.Port == nil:
			out.ports = out.ports.Union(protocolPorts(protocol))
		case p.Port.StrVal != "":
			b.uses.ports[p.Port.StrVal] = true
			out.named = append(out.named, namedPort{name: p.Port.StrVal, protocol: protocol})
		default:
			to := p.Port.IntVal
			if p.EndPort != nil {
				to = *p.EndPort
			}
			out.ports = out.ports.Union(portRangeOf(protocol, p.Port.IntVal, to))
		}
	}
	return out
}

func portRangeOf(p Protocol, from, to int32) Ports {
	if from < 1 || to > lastPort || from > to {
		return Ports{}
	}
	return PortRange(p, uint16(from), uint16(to))
}
