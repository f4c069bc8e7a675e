package network

import (
	"context"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var ruleSelectsNothing = nist190.Metadata{
	ID: "network-rule-selects-nothing", Title: "Peer of a rule that selects nothing", Advisory: true,
	Doc: `A peer of a NetworkPolicy rule matches no namespace, or no pod of the namespaces that it is about. The way that the rule
is meant to open stays shut; somebody will widen the rule until it works. The usual causes: a podSelector without a
namespaceSelector is about the policy's own namespace alone, a label of a namespace was never set, a label was renamed.

Before:

    from: [{podSelector: {matchLabels: {app: web}}}]   # the pods are in namespace shop-web

After:

    from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop-web}}
      podSelector: {matchLabels: {app: web}}`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityLow,
	Remediation: "Correct the selectors of the peer, or delete it.",
	Needs:       everyPod(), Subjects: policyKind,
	Limits: `Pods that an operator makes from its own resources are seen in a cluster only: manifests that hold such
resources are not judged. Peers that select kube-system are not
judged where none of its pods was seen, and those that name a namespace are not where manifests do not hold it.`,
}

func findRuleSelectsNothing(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.ends()
	system := x.systemUnseen()
	found := false
	for r := range m.lintRules() {
		for j := range r.flow.peers {
			p := &r.rule.peers[j]
			if p.pods == nil || m.unshown && r.object.Strength() < inventory.Observed || system && r.speaksOfSystem(j) || m.peersOfOne(p).maybe.meets(x.there) || x.some(p.namespace, p.pods) {
				continue
			}
			what := m.nothing(&r, j)
			if what == "" {
				continue
			}
			found = true
			at := r.peerAt(j)
			e.Fail(r.object.Ref(), inventory.PathString(at...), what, nist190.At(r.object, at...))
		}
	}
	return found, nil
}

// nothing words what is not there; empty where a namespace without pods is.
func (m *model) nothing(r *lintRule, j int) string {
	p := &r.flow.peers[j]
	if p.NamespaceSelector == nil {
		if emptySelector(p.PodSelector) {
			return ""
		}
		return fmt.Sprintf("no pod of namespace %q, which is the policy's, matches %s", r.object.Namespace(), metav1.FormatLabelSelector(p.PodSelector))
	}
	in, _ := selectorOf(p.NamespaceSelector)
	reqs, _ := in.Requirements()
	there := false
	for name, n := range m.namespaces {
		there = there || name != elsewhere && matchAll(reqs, n.label) != no
	}
	switch {
	case !there && namesNamespaces(reqs) && r.object.Strength() < inventory.Observed:
		return "" // manifests of an application name namespaces of others, which are not among them
	case !there:
		return fmt.Sprintf("no namespace matches %s", metav1.FormatLabelSelector(p.NamespaceSelector))
	case p.PodSelector == nil || emptySelector(p.PodSelector):
		return ""
	case emptySelector(p.NamespaceSelector):
		return fmt.Sprintf("no pod of any namespace matches %s", metav1.FormatLabelSelector(p.PodSelector))
	}
	return fmt.Sprintf("no pod of the namespaces that match %s matches %s", metav1.FormatLabelSelector(p.NamespaceSelector), metav1.FormatLabelSelector(p.PodSelector))
}

var inertRule = nist190.Metadata{
	ID: "network-inert-rule", Title: "Rule without effect", Advisory: true,
	Doc: `Something in a NetworkPolicy says nothing: rules of a direction that policyTypes does not list, exceptions that leave
nothing of an ipBlock, an endPort below its port, or the name of a port that no pod has which could be connected to (for
ingress those that the policy selects, for egress the peers). The first is the worst: the author believes that the
direction is restricted, and it is open.

Before:

    policyTypes: [Ingress]
    egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]

After:

    policyTypes: [Ingress, Egress]
    egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]`,
	Claims: nist190.Claims("3a", "3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityMedium,
	Remediation: "List the direction in policyTypes, and correct the block, the range or the name of the port; or delete what says nothing.",
	Needs:       everyPod(), Subjects: policyKind,
	Limits: `Containers that admission adds to pods, and their ports, are seen in running pods only. Names of ports of kube-system are
not judged where none of its pods was seen.`,
}

func findInertRule(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	found := false
	fail := func(o *inventory.Object, message string, at ...any) {
		found = true
		e.Fail(o.Ref(), inventory.PathString(at...), message, nist190.At(o, at...))
	}
	for p := range m.lintPolicies() {
		for _, d := range []Direction{Ingress, Egress} {
			if len(rulesOf(p.spec, policyTypes[d])) > 0 && !slices.Contains(p.spec.PolicyTypes, policyTypes[d]) {
				fail(p.object, fmt.Sprintf("policyTypes does not list %s, so that the rules for it say nothing and the policy does not isolate in that direction", policyTypes[d]), "spec", d.String())
			}
		}
	}
	x := m.ends()
	system := x.systemUnseen()
	for r := range m.lintRules() {
		for j := range r.flow.peers {
			if b := r.flow.peers[j].IPBlock; b != nil && len(b.Except) > 0 && len(blockOf(b)) == 0 {
				fail(r.object, fmt.Sprintf("the exceptions leave nothing of %s", b.CIDR), append(r.peerAt(j), "ipBlock", "except")...)
			}
		}
		for k := range r.flow.ports {
			switch p := &r.flow.ports[k]; {
			case p.Port == nil:
			case p.Port.StrVal == "" && p.EndPort != nil && *p.EndPort < p.Port.IntVal:
				fail(r.object, fmt.Sprintf("endPort %d is below port %d: the range is empty", *p.EndPort, p.Port.IntVal), append(r.portAt(k), "endPort")...)
			case p.Port.StrVal != "":
				if why := x.unnamed(&r, p, system); why != "" {
					fail(r.object, why, append(r.portAt(k), "port")...)
				}
			}
		}
	}
	return found, nil
}

// unnamed tells why the name of a port stands for none. A rule that has no pods to look at is for the lints of selectors.
func (x *ends) unnamed(r *lintRule, p *networkingv1.NetworkPolicyPort, system bool) string {
	protocol, ok := protocolOf(p.Protocol)
	if !ok || system && r.meetsSystem() {
		return ""
	}
	some := false
	for c := range x.destinations(r) {
		if !c.resolve([]namedPort{{name: p.Port.StrVal, protocol: protocol}}).Empty() {
			return ""
		}
		some = true
	}
	blocks := len(r.rule.peers) > 0 && !slices.ContainsFunc(r.rule.peers, func(p peer) bool { return p.block == nil })
	switch {
	case r.d == Ingress && some:
		return fmt.Sprintf("no pod that the policy selects has a %s port named %q", protocol, p.Port.StrVal)
	case r.d == Egress && some:
		return fmt.Sprintf("no pod that the rule is about has a %s port named %q", protocol, p.Port.StrVal)
	case r.d == Egress && blocks:
		return fmt.Sprintf("addresses have no port names, so that %q allows nothing", p.Port.StrVal)
	}
	return ""
}

// meetsSystem tells whether the pods that a rule lets connect to may be in kube-system.
func (r *lintRule) meetsSystem() bool {
	if r.d == Ingress {
		return r.object.Namespace() == metav1.NamespaceSystem
	}
	for j := range r.flow.peers {
		if r.speaksOfSystem(j) {
			return true
		}
	}
	return len(r.flow.peers) == 0
}

// destinations are the pods that connections under a rule go to, for certain or possibly: named ports are theirs
// (k8s.io/api/networking/v1, NetworkPolicyPort).
func (x *ends) destinations(r *lintRule) func(func(*class) bool) {
	return func(yield func(*class) bool) {
		if r.d == Ingress {
			for c := range x.in(r.policy.namespace) {
				if r.selects(c) != no && !yield(c) {
					return
				}
			}
			return
		}
		for i := range x.m.peersOf(r.rule).maybe.and(x.there).each() {
			if !yield(x.m.classes[i]) {
				return
			}
		}
		for _, c := range x.templates {
			if r.mayReach(c) && !yield(c) {
				return
			}
		}
	}
}

func (r *lintRule) mayReach(c *class) bool {
	return slices.ContainsFunc(r.rule.peers, func(p peer) bool {
		return p.everybody || p.pods != nil && (p.namespace == "" || string(p.namespace) == c.Namespace) && p.pods(c) != no
	})
}

var namedPortDiffers = nist190.Metadata{
	ID: "network-named-port", Title: "Name of a port that stands for different numbers", Advisory: true,
	Doc: `A NetworkPolicy allows a port by its name, and the pods that connections go to have different numbers under that name.
Who reads the policy thinks of one port; on some pods another is open, which may be that of an administrative interface.

Before:

    ports: [{port: http}]   # 8080 in one Deployment, 9090 in another

After:

    ports: [{port: 8080}]`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityLow,
	Remediation: "Use the number, write a policy for each workload, or give the ports names that tell them apart.",
	Needs:       everyPod(), Subjects: policyKind,
	Limits: "That the numbers differ can be meant, where a rule is about workloads of several teams.",
}

func findNamedPortDiffers(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.ends()
	found := false
	for r := range m.lintRules() {
		for k := range r.flow.ports {
			p := &r.flow.ports[k]
			protocol, ok := protocolOf(p.Protocol)
			if p.Port == nil || p.Port.StrVal == "" || !ok {
				continue
			}
			var first *class
			var was Ports
			for c := range x.destinations(&r) {
				ports := c.resolve([]namedPort{{name: p.Port.StrVal, protocol: protocol}})
				if ports.Empty() {
					continue
				}
				if first == nil {
					first, was = c, ports
				}
				message := ""
				switch {
				case ports.count() > 1:
					message = fmt.Sprintf("%q is %s in the containers of %s", p.Port.StrVal, ports, named(c))
				case !ports.Equal(was):
					message = fmt.Sprintf("%q is %s in %s and %s in %s", p.Port.StrVal, was, named(first), ports, named(c))
				default:
					continue
				}
				found = true
				at := append(r.portAt(k), "port")
				e.Fail(r.object.Ref(), inventory.PathString(at...), message, nist190.At(r.object, at...), nist190.At(first.Object), nist190.At(c.Object))
				break
			}
		}
	}
	return found, nil
}

// named is the workload of a class.
func named(c *class) string {
	return fmt.Sprintf("%s %q", c.Workload.Ref().Kind, c.Workload.Namespace()+"/"+c.Workload.Object.Name())
}
