package network

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// dnsTarget is where names are resolved: pods, or the address of a cache on every node. Ports are the pods', as policies
// see them, of UDP and, for long answers, TCP.
type dnsTarget struct {
	namespace string
	selector  map[string]string
	cache     bool
	ports     []networkingv1.NetworkPolicyPort
}

func (d *dnsTarget) peer() networkingv1.NetworkPolicyPeer {
	if d.cache {
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: nodeLocalDNS.String() + "/32"}}
	}
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: byName(d.namespace), PodSelector: &metav1.LabelSelector{MatchLabels: d.selector}}
}

// isDNS tells of a Service that it is the cluster's DNS: kube-dns, as CoreDNS is called too (kubernetes/kubernetes,
// cluster/addons/dns/coredns), or OpenShift's (openshift/cluster-dns-operator).
func isDNS(namespace, name string, own map[string]string) bool {
	switch namespace {
	case metav1.NamespaceSystem:
		return name == "kube-dns" || name == "coredns" || own["k8s-app"] == "kube-dns"
	case "openshift-dns":
		return name == "dns-default"
	}
	return false
}

var port53 = []networkingv1.NetworkPolicyPort{portOf(UDP, Span{53, 53}), portOf(TCP, Span{53, 53})}

// dnsTargets finds where names are resolved: by the Service of the cluster's DNS, else by its pods, else where most clusters
// have it.
func (z *Zones) dnsTargets(inv *inventory.Inventory) []dnsTarget {
	f := newEntryFinder(z.m, inv)
	var out []dnsTarget
	add := func(d dnsTarget) {
		if !slices.ContainsFunc(out, func(o dnsTarget) bool { return specPeer(o) == specPeer(d) }) {
			out = append(out, d)
		}
	}
	for o, s := range inventory.Typed[corev1.Service](inv) {
		if isDNS(o.Namespace(), o.Name(), o.Labels()) && len(s.Spec.Selector) > 0 {
			add(dnsTarget{namespace: o.Namespace(), selector: s.Spec.Selector, ports: f.dnsPortsOf(o.Namespace(), s)})
		}
	}
	if len(out) == 0 {
		for _, p := range f.pods[metav1.NamespaceSystem] {
			for _, l := range []struct{ key, value string }{{"k8s-app", "kube-dns"}, {"app.kubernetes.io/name", "coredns"}} {
				if p.Labels[l.key] == l.value && !p.Host() {
					add(dnsTarget{namespace: p.Namespace, selector: map[string]string{l.key: l.value}, ports: port53})
					break
				}
			}
		}
	}
	if len(out) == 0 {
		add(dnsTarget{namespace: metav1.NamespaceSystem, selector: map[string]string{"k8s-app": "kube-dns"}, ports: port53})
	}
	if slices.ContainsFunc(f.pods[metav1.NamespaceSystem], func(p *Pod) bool { return p.Labels["k8s-app"] == "node-local-dns" }) {
		add(dnsTarget{cache: true, ports: port53})
	}
	return out
}

func specPeer(d dnsTarget) string {
	p := d.peer()
	return p.String()
}

// dnsPortsOf are the ports of the pods behind port 53 of a Service, of both protocols even where it names one.
func (f *entryFinder) dnsPortsOf(namespace string, s *corev1.Service) []networkingv1.NetworkPolicyPort {
	var numbers []uint16
	number := func(n int32) {
		if n >= 1 && n <= lastPort && !slices.Contains(numbers, uint16(n)) {
			numbers = append(numbers, uint16(n))
		}
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var named []networkingv1.NetworkPolicyPort
	for i := range s.Spec.Ports {
		sp := &s.Spec.Ports[i]
		if sp.Port != 53 {
			continue
		}
		protocol, ok := protocolOf(&sp.Protocol)
		switch {
		case sp.Protocol == "":
			protocol = TCP
		case !ok:
			continue
		}
		switch {
		case sp.TargetPort.StrVal == "" && sp.TargetPort.IntVal == 0:
			number(sp.Port)
		case sp.TargetPort.StrVal == "":
			number(sp.TargetPort.IntVal)
		default:
			resolved := false
			for _, p := range f.pods[namespace] {
				if selector.Matches(p.Labels) {
					for _, span := range (&class{Pod: p}).resolve([]namedPort{{name: sp.TargetPort.StrVal, protocol: protocol}}).Spans(protocol) {
						number(int32(span.From))
						resolved = true
					}
				}
			}
			if !resolved {
				// The pods are not here: the name is theirs to resolve.
				k8s, port := corev1.Protocol(protocol.String()), intstr.FromString(sp.TargetPort.StrVal)
				named = append(named, networkingv1.NetworkPolicyPort{Protocol: &k8s, Port: &port})
			}
		}
	}
	if len(numbers) == 0 && len(named) == 0 {
		return port53
	}
	slices.Sort(numbers)
	var out []networkingv1.NetworkPolicyPort
	for _, n := range numbers {
		out = append(out, portOf(UDP, Span{n, n}), portOf(TCP, Span{n, n}))
	}
	return append(out, named...)
}

// dnsPorts is every port that the rules for DNS let pass.
func dnsPorts(targets []dnsTarget) Ports {
	var out Ports
	for _, d := range targets {
		for _, p := range d.ports {
			if protocol, ok := protocolOf(p.Protocol); ok && p.Port.StrVal == "" {
				out = out.Union(portRangeOf(protocol, p.Port.IntVal, p.Port.IntVal))
			}
		}
	}
	return out
}
