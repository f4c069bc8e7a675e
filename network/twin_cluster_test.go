package network

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterTwin is an AdminNetworkPolicy or BaselineAdminNetworkPolicy (v1alpha1), or a ClusterNetworkPolicy (v1alpha2).
type clusterTwin struct {
	Kind     string
	Tier     string
	Priority int32
	Subject  twinSubject
	Rules    [2][]clusterTwinRule
}

type clusterTwinRule struct {
	Action    string            `json:"action"`
	From      []clusterTwinPeer `json:"from,omitempty"`
	To        []clusterTwinPeer `json:"to,omitempty"`
	Ports     []clusterTwinPort `json:"ports,omitempty"`     // v1alpha1
	Protocols []twinProtocol    `json:"protocols,omitempty"` // v1alpha2
}

// clusterTwinPeer is a peer; one by stars is of a kind that nobody knows.
type clusterTwinPeer struct {
	Namespaces  *metav1.LabelSelector `json:"namespaces,omitempty"`
	Pods        *twinPods             `json:"pods,omitempty"`
	Networks    []string              `json:"networks,omitempty"`
	Nodes       *metav1.LabelSelector `json:"nodes,omitempty"`
	DomainNames []string              `json:"domainNames,omitempty"`
	Stars       int                   `json:"stars,omitempty"`
}

type clusterTwinPort struct {
	PortNumber *clusterTwinNumber `json:"portNumber,omitempty"`
	PortRange  *clusterTwinRange  `json:"portRange,omitempty"`
	NamedPort  string             `json:"namedPort,omitempty"`
}

type clusterTwinNumber struct {
	Protocol string `json:"protocol,omitempty"`
	Port     int32  `json:"port"`
}

type clusterTwinRange struct {
	Protocol string `json:"protocol,omitempty"`
	Start    int32  `json:"start"`
	End      int32  `json:"end"`
}

const admin, baseline = "Admin", "Baseline"

// newClusterTwins are policies of one version of the API, of which several can have one priority.
func newClusterTwins(r *rand.Rand) []*clusterTwin {
	alpha1 := r.IntN(2) == 0
	var out []*clusterTwin
	for range 1 + r.IntN(5) {
		p := &clusterTwin{Kind: "ClusterNetworkPolicy", Tier: pick(r, admin, admin, baseline), Priority: r.Int32N(3)}
		if alpha1 {
			p.Kind, p.Tier = "AdminNetworkPolicy", admin
			// There is one at most.
			if !slices.ContainsFunc(out, func(p *clusterTwin) bool { return p.Tier == baseline }) && r.IntN(3) == 0 {
				p.Kind, p.Tier, p.Priority = "BaselineAdminNetworkPolicy", baseline, 0
			}
		}
		if r.IntN(2) == 0 {
			p.Subject.Namespaces = twinSelector(r)
		} else {
			p.Subject.Pods = &twinPods{*twinSelector(r), *twinSelector(r)}
		}
		for d := range p.Rules {
			p.Rules[d] = few(r, 3, func() clusterTwinRule { return p.rule(r, Direction(d) == Ingress) })
		}
		out = append(out, p)
	}
	return out
}

func (p *clusterTwin) rule(r *rand.Rand, ingress bool) clusterTwinRule {
	out := clusterTwinRule{Action: pick(r, "Accept", "Deny", "Pass")}
	alpha1 := p.Kind != "ClusterNetworkPolicy"
	if alpha1 && out.Action == "Accept" {
		out.Action = "Allow"
	}
	if p.Kind == "BaselineAdminNetworkPolicy" && out.Action == "Pass" {
		out.Action = "Deny"
	}
	peers := []clusterTwinPeer{p.peer(r, ingress, out.Action)}
	if r.IntN(2) == 0 {
		peers = append(peers, p.peer(r, ingress, out.Action))
	}
	if ingress {
		out.From = peers
	} else {
		out.To = peers
	}
	if alpha1 {
		out.Ports = few(r, 2, func() clusterTwinPort {
			return pick(r, clusterTwinPort{PortNumber: &clusterTwinNumber{pick(r, "TCP", "UDP", "SCTP", ""), pick[int32](r, 53, 80)}},
				clusterTwinPort{PortRange: &clusterTwinRange{pick(r, "TCP", "UDP", "SCTP", ""), 50, 80}}, clusterTwinPort{NamedPort: pick(r, "web", "dns", "gone")})
		})
	} else {
		n := int32(80)
		out.Protocols = few(r, 2, func() twinProtocol {
			return pick(r, twinProtocol{TCP: &twinL4{&twinPort{Number: &n}}}, twinProtocol{UDP: &twinL4{}}, twinProtocol{Name: pick(r, "web", "dns")},
				twinProtocol{SCTP: &twinL4{&twinPort{Range: &twinRange{50, 81}}}}, twinProtocol{TCP: &twinL4{&twinPort{Range: &twinRange{1, 80}}}})
		})
	}
	return out
}

func (p *clusterTwin) peer(r *rand.Rand, ingress bool, action string) clusterTwinPeer {
	switch n := r.IntN(14); {
	case n < 4:
		return clusterTwinPeer{Namespaces: twinSelector(r)}
	case n == 4:
		return clusterTwinPeer{Stars: 1}
	case ingress || n < 9:
		return clusterTwinPeer{Pods: &twinPods{*twinSelector(r), *twinSelector(r)}}
	case n == 9:
		return clusterTwinPeer{Nodes: twinSelector(r)}
	case n == 10 && (action == "Accept" || action == "Allow"):
		return clusterTwinPeer{DomainNames: []string{"example.com"}}
	}
	return clusterTwinPeer{Networks: append(few(r, 1, func() string { return pick(r, twinBlocks...) }), pick(r, twinBlocks...))}
}

func (p *clusterTwin) doc(t *testing.T, i int) string {
	spec, version := map[string]any{"subject": p.Subject, "ingress": p.Rules[Ingress], "egress": p.Rules[Egress]}, "v1alpha1"
	if p.Kind != "BaselineAdminNetworkPolicy" {
		spec["priority"] = p.Priority
	}
	if p.Kind == "ClusterNetworkPolicy" {
		spec["tier"], version = p.Tier, "v1alpha2"
	}
	return marshal(t, map[string]any{"apiVersion": policyAPI + "/" + version, "kind": p.Kind, "metadata": map[string]any{"name": fmt.Sprintf("c%d", i)}, "spec": spec})
}

// decideCluster is what the tiers come to (apis/v1alpha2/clusternetworkpolicy_types.go). NetworkPolicy leaves to plugins
// what becomes of protocols that it cannot name.
func (w *twinWorld) decideCluster(policies []*clusterTwin, f *twinFlow, c *choices) bool {
	return f.through(func(ingress bool) bool {
		switch w.clusterTier(policies, admin, ingress, f, c) {
		case "Accept", "Allow":
			return true
		case "Deny":
			return false
		}
		switch isolated, allowed := w.networkPolicies(f, ingress, c.inBlock); {
		case allowed:
			return true
		case isolated:
			return f.protocol == "OTHER" && c.yes("other", ingress)
		}
		return w.clusterTier(policies, baseline, ingress, f, c) != "Deny"
	})
}

// clusterTier is the first action in a tier; of policies with one priority any may come first.
func (w *twinWorld) clusterTier(policies []*clusterTwin, tier string, ingress bool, f *twinFlow, c *choices) string {
	for priority := range int32(3) {
		var actions []string
		for i, p := range policies {
			if p.Tier != tier || p.Priority != priority {
				continue
			}
			if a := w.clusterPolicy(p, i, ingress, f, c); a != "" && !slices.Contains(actions, a) {
				actions = append(actions, a)
			}
		}
		for i, a := range actions {
			if i == len(actions)-1 || c.yes("first", tier, priority, ingress, i) {
				return a
			}
		}
	}
	return ""
}

func (w *twinWorld) clusterPolicy(p *clusterTwin, number int, ingress bool, f *twinFlow, c *choices) string {
	pod, peer := f.sides(ingress)
	if s := p.Subject.Namespaces; s != nil && !w.matches(s, w.namespaceLabels(pod.pod.Namespace)) || p.Subject.Pods != nil && !w.inPods(p.Subject.Pods, pod) {
		return ""
	}
	if p.refused() && !c.yes("refused", number) {
		return ""
	}
	rules := p.Rules[Egress]
	if ingress {
		rules = p.Rules[Ingress]
	}
	for i := range rules {
		r := &rules[i]
		known := func(name string) bool { return c.yes(name, number, ingress, i, peer.addr) }
		peers := append(slices.Clone(r.From), r.To...)
		// Rules of ingress have no peers by address: the field is dropped, and leaves a peer of no known kind.
		closed := slices.ContainsFunc(peers, func(x clusterTwinPeer) bool { return x.Stars != 0 || ingress && x.byAddress() })
		if closed && (r.Action == "Deny" || r.Action == "Pass") {
			// It is to deny all, which may be all ports or those that it names.
			if r.covers(f) || known("all") {
				return "Deny"
			}
			continue
		}
		if r.covers(f) && slices.ContainsFunc(peers, func(x clusterTwinPeer) bool {
			switch {
			case ingress && x.byAddress():
				return false
			case x.Namespaces != nil:
				return peer.own() && w.matches(x.Namespaces, w.namespaceLabels(peer.pod.Namespace))
			case x.Pods != nil:
				return w.inPods(x.Pods, peer)
			case x.Nodes != nil:
				return !peer.own() && twinNode(peer.addr) && known("node")
			case x.DomainNames != nil:
				return known("domain")
			}
			return slices.ContainsFunc(x.Networks, func(n string) bool { return c.in(n, peer) })
		}) && (!closed || known("accept")) {
			return r.Action
		}
	}
	return ""
}

// refused tells whether the API server may not take it: ports by name are of pods.
func (p *clusterTwin) refused() bool {
	return slices.ContainsFunc(slices.Concat(p.Rules[:]...), func(r clusterTwinRule) bool {
		named := slices.ContainsFunc(r.Ports, func(x clusterTwinPort) bool { return x.NamedPort != "" }) ||
			slices.ContainsFunc(r.Protocols, func(x twinProtocol) bool { return x.Name != "" })
		return named && slices.ContainsFunc(append(slices.Clone(r.From), r.To...), func(x clusterTwinPeer) bool { return x.Nodes != nil || x.DomainNames != nil })
	})
}

func (x *clusterTwinPeer) byAddress() bool {
	return x.Nodes != nil || x.DomainNames != nil || x.Networks != nil
}

// twinNode tells whether a node can have an address that others reach.
func twinNode(addr string) bool {
	a := netip.MustParseAddr(addr)
	return a.IsGlobalUnicast() && (!a.Is4() || a.As4()[0] != 0 && a.As4()[0] < 224)
}

func (r *clusterTwinRule) covers(f *twinFlow) bool {
	is := func(protocol string) bool {
		return protocol == string(f.protocol) || protocol == "" && f.protocol == "TCP"
	}
	for _, p := range r.Ports {
		switch {
		case p.PortNumber != nil && is(p.PortNumber.Protocol) && p.PortNumber.Port == f.port,
			p.PortRange != nil && is(p.PortRange.Protocol) && p.PortRange.Start <= f.port && f.port <= p.PortRange.End,
			p.NamedPort != "" && twinNamed(f.to, p.NamedPort, nil, f.protocol, f.port):
			return true
		}
	}
	for _, p := range r.Protocols {
		l4 := map[corev1.Protocol]*twinL4{corev1.ProtocolTCP: p.TCP, corev1.ProtocolUDP: p.UDP, corev1.ProtocolSCTP: p.SCTP}[f.protocol]
		switch {
		case p.Name != "" && twinNamed(f.to, p.Name, nil, f.protocol, f.port), l4 != nil && l4.DestinationPort == nil,
			l4 != nil && l4.DestinationPort.Number != nil && *l4.DestinationPort.Number == f.port,
			l4 != nil && l4.DestinationPort.Range != nil && l4.DestinationPort.Range.Start <= f.port && f.port <= l4.DestinationPort.Range.End:
			return true
		}
	}
	return len(r.Ports)+len(r.Protocols) == 0
}

func (w *twinWorld) clusterDocs(t *testing.T, policies []*clusterTwin) []string {
	docs := w.docs(t)
	for i, p := range policies {
		docs = append(docs, p.doc(t, i))
	}
	return docs
}

func TestClusterPoliciesAgainstTwin(t *testing.T) {
	t.Parallel()
	var n tally
	for seed := range uint64(*worlds) / 5 {
		r := rand.New(rand.NewPCG(seed, 437))
		w := newEngineWorld(r)
		policies := newClusterTwins(r)
		w.against(t, w.clusterDocs(t, policies), nil, &n, func(f *twinFlow, c *choices) bool { return w.decideCluster(policies, f, c) })
	}
	n.report(t)
}
