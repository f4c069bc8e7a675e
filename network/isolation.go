package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// policy is a NetworkPolicy ready for evaluation.
type policy struct {
	object   *inventory.Object
	spec     *networkingv1.NetworkPolicySpec
	selector labels.Selector
	required []string // keys that the selector looks at
}

// policiesIn lists the policies of a namespace. One that the API server would refuse for its selector is inert and left
// out.
func policiesIn(inv *inventory.Inventory, namespace string) []*policy {
	var out []*policy
	for o, np := range inventory.TypedIn[networkingv1.NetworkPolicy](inv, namespace) {
		sel, err := metav1.LabelSelectorAsSelector(&np.Spec.PodSelector)
		if err != nil {
			continue
		}
		p := &policy{object: o, spec: &np.Spec, selector: sel}
		if reqs, ok := sel.Requirements(); ok {
			for _, r := range reqs {
				p.required = append(p.required, r.Key())
			}
		}
		out = append(out, p)
	}
	return out
}

func (p *policy) governs(d networkingv1.PolicyType) bool {
	return slices.Contains(p.spec.PolicyTypes, d)
}

// assignedLabels are what controllers add to the pods that they make from a template, with values that a manifest does
// not tell: a selector that looks at one cannot be decided over the template.
var assignedLabels = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid",
	"batch.kubernetes.io/job-completion-index", "job-name", "controller-uid",
}

// selects tells whether the policy selects a pod with the labels; known is false where a label that the template does
// not show would decide.
func (p *policy) selects(pod labels.Set, isTemplate bool) (selected, known bool) {
	if isTemplate && slices.ContainsFunc(p.required, func(k string) bool { return slices.Contains(assignedLabels, k) && !pod.Has(k) }) {
		// What the other requirements exclude stays excluded.
		reqs, _ := p.selector.Requirements()
		for _, r := range reqs {
			if !slices.Contains(assignedLabels, r.Key()) && !r.Matches(pod) {
				return false, true
			}
		}
		return false, false
	}
	return p.selector.Matches(pod), true
}

// isolation is what NetworkPolicies do to one pod in one direction.
type isolation struct {
	by      []*policy // that select it
	open    []*policy // of which the rules allow everything, where they do
	unknown []*policy // that may select it
}

// isolated: selected, and not by rules that allow everything.
func (i isolation) isolated() bool { return len(i.by) > 0 && len(i.open) == 0 }

func isolationOf(ps []*policy, pod labels.Set, isTemplate bool, d networkingv1.PolicyType) isolation {
	var out isolation
	for _, p := range ps {
		if !p.governs(d) {
			continue
		}
		switch selected, known := p.selects(pod, isTemplate); {
		case !known:
			out.unknown = append(out.unknown, p)
		case selected:
			out.by = append(out.by, p)
		}
	}
	out.open = allowAll(out.by, d)
	return out
}

// allowAll names the policies whose rules, together, allow every pod of the cluster, or every address, on every TCP and
// UDP port; nil where they do not. Rules are a union, so that what one leaves out another may add. Ports between two
// limits of any rule are alike: for each such range, a rule without limits on its peers must have it, or the addresses of
// those that have it must fill a family (pods have addresses, test/e2e/network/netpol). Cost: ranges times rules.
func allowAll(ps []*policy, d networkingv1.PolicyType) []*policy {
	pods := allowance{}
	type block struct {
		nets  prefixes
		ports allowance
		of    *policy
	}
	var blocks []block
	var toPods []*policy
	limits := map[corev1.Protocol][]int32{}
	for _, p := range ps {
		for _, r := range rulesOf(p.spec, d) {
			ports := portsOf(r.ports)
			if len(ports) == 0 {
				continue
			}
			if everyPod(r.peers) {
				pods.add(ports)
				toPods = appendPolicy(toPods, p)
			}
			for _, peer := range r.peers {
				if peer.IPBlock != nil {
					blocks = append(blocks, block{blockOf(peer.IPBlock), ports, p})
				}
			}
			for protocol, ranges := range ports {
				for _, r := range ranges {
					limits[protocol] = append(limits[protocol], r.from, r.to+1)
				}
			}
		}
	}
	if pods.full() {
		return toPods
	}
	for _, family := range families {
		from := slices.Clone(toPods)
		all := true
		for _, protocol := range fullProtocols {
			for _, port := range append(limits[protocol], 1) {
				if port > lastPort || pods.has(protocol, port) {
					continue
				}
				var nets prefixes
				for _, b := range blocks {
					if b.ports.has(protocol, port) {
						nets = append(nets, b.nets...)
						from = appendPolicy(from, b.of)
					}
				}
				all = all && nets.cover(family)
			}
		}
		if all {
			return from
		}
	}
	return nil
}

func appendPolicy(ps []*policy, p *policy) []*policy {
	if slices.Contains(ps, p) {
		return ps
	}
	return append(ps, p)
}

type flow struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rulesOf(spec *networkingv1.NetworkPolicySpec, d networkingv1.PolicyType) []flow {
	var out []flow
	if d == networkingv1.PolicyTypeIngress {
		for _, r := range spec.Ingress {
			out = append(out, flow{r.From, r.Ports})
		}
		return out
	}
	for _, r := range spec.Egress {
		out = append(out, flow{r.To, r.Ports})
	}
	return out
}

// everyPod: no peers are every peer; so is one that selects every namespace and, in each, every pod. A pod selector
// alone stays within the policy's namespace.
func everyPod(peers []networkingv1.NetworkPolicyPeer) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		return p.IPBlock == nil && p.NamespaceSelector != nil && everyNamespace(p.NamespaceSelector) &&
			(p.PodSelector == nil || len(p.PodSelector.MatchLabels)+len(p.PodSelector.MatchExpressions) == 0)
	})
}

// everyNamespace: the empty selector, and the one label that the API server puts on every namespace.
func everyNamespace(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels) == 0 && !slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
		return r.Key != corev1.LabelMetadataName || r.Operator != metav1.LabelSelectorOpExists || len(r.Values) > 0
	})
}

// allowance is a set of ports per protocol, as ordered ranges.
type allowance map[corev1.Protocol][]portRange

type portRange struct{ from, to int32 }

const lastPort = 65535

// portsOf: no ports are every port of every protocol; an entry without a port is every port of its protocol. Named ports
// are those of single pods and never all.
func portsOf(ports []networkingv1.NetworkPolicyPort) allowance {
	if len(ports) == 0 {
		every := []portRange{{1, lastPort}}
		return allowance{corev1.ProtocolTCP: every, corev1.ProtocolUDP: every, corev1.ProtocolSCTP: every}
	}
	out := allowance{}
	for _, p := range ports {
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		r := portRange{1, lastPort}
		if p.Port != nil {
			if p.Port.Type == intstr.String {
				continue
			}
			r = portRange{p.Port.IntVal, p.Port.IntVal}
			if p.EndPort != nil {
				r.to = *p.EndPort
			}
		}
		out.add(allowance{protocol: {r}})
	}
	return out
}

func (a allowance) add(b allowance) {
	for protocol, ranges := range b {
		a[protocol] = append(slices.Clone(a[protocol]), ranges...)
	}
}

func (a allowance) has(protocol corev1.Protocol, port int32) bool {
	return slices.ContainsFunc(a[protocol], func(r portRange) bool { return r.from <= port && port <= r.to })
}

// fullProtocols are those of which all ports make everything. SCTP, which few kernels load, is not among them.
var fullProtocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP}

func (a allowance) full() bool {
	for _, protocol := range fullProtocols {
		ranges := slices.Clone(a[protocol])
		slices.SortFunc(ranges, func(x, y portRange) int { return int(x.from) - int(y.from) })
		next := int32(1)
		for _, r := range ranges {
			if r.from <= next && r.to >= next {
				next = r.to + 1
			}
		}
		if next <= lastPort {
			return false
		}
	}
	return true
}

// prefixes are address ranges, from first to last.
type prefixes []addressRange

type addressRange struct{ first, last netip.Addr }

// blockOf is a block without its exceptions. Addresses are read as the API server reads stored ones, leading zeros and
// host bits included; what cannot be read allows nothing.
func blockOf(b *networkingv1.IPBlock) prefixes {
	whole, ok := rangeOf(b.CIDR)
	if !ok {
		return nil
	}
	out := prefixes{whole}
	for _, e := range b.Except {
		hole, ok := rangeOf(e)
		if !ok || hole.first.BitLen() != whole.first.BitLen() {
			continue
		}
		var rest prefixes
		for _, r := range out {
			if hole.last.Less(r.first) || r.last.Less(hole.first) {
				rest = append(rest, r)
				continue
			}
			if r.first.Less(hole.first) {
				rest = append(rest, addressRange{r.first, hole.first.Prev()})
			}
			if hole.last.Less(r.last) {
				rest = append(rest, addressRange{hole.last.Next(), r.last})
			}
		}
		out = rest
	}
	return out
}

func rangeOf(cidr string) (addressRange, bool) {
	host, length, ok := strings.Cut(strings.TrimSpace(cidr), "/")
	first, valid := parseAddr(host)
	ones, err := strconv.Atoi(length)
	if !ok || !valid || err != nil || ones < 0 || ones > first.BitLen() {
		return addressRange{}, false
	}
	last := first.AsSlice()
	start := slices.Clone(last)
	for i := ones; i < first.BitLen(); i++ {
		last[i/8] |= 1 << (7 - i%8)
		start[i/8] &^= 1 << (7 - i%8)
	}
	from, _ := netip.AddrFromSlice(start)
	to, _ := netip.AddrFromSlice(last)
	return addressRange{from, to}, true
}

// parseAddr reads IPv4 with leading zeros as decimal, as ParseIPSloppy of k8s.io/utils does.
func parseAddr(s string) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		a, err := netip.ParseAddr(s)
		return a, err == nil && a.Zone() == ""
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}

// families are all addresses of IPv4, and of IPv6.
var families = func() []addressRange {
	v4, _ := rangeOf("0.0.0.0/0")
	v6, _ := rangeOf("::/0")
	return []addressRange{v4, v6}
}()

// cover reports whether the ranges fill a family.
func (ps prefixes) cover(family addressRange) bool {
	in := slices.DeleteFunc(slices.Clone(ps), func(r addressRange) bool { return r.first.BitLen() != family.first.BitLen() })
	slices.SortFunc(in, func(a, b addressRange) int { return a.first.Compare(b.first) })
	next := family.first
	for _, r := range in {
		if next.IsValid() && !next.Less(r.first) && !r.last.Less(next) {
			next = r.last.Next() // invalid after the last address
		}
	}
	return !next.IsValid()
}
