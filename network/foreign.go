package network

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nist190/nist190/inventory"
)

// foreignKind is a kind of policy beside Kubernetes' own that can isolate pods or allow what NetworkPolicies do not, or
// what such policies refer to.
type foreignKind struct {
	inventory.Need
	// wide kinds have no namespace; others speak of their own, except in root, whose policies speak of every namespace.
	wide bool
	root string
	only networkingv1.PolicyType // the one direction that the kind governs; empty for both
	// evaluated kinds are brought to the common form elsewhere; what policies refer to is no policy.
	evaluated, referred bool
}

var foreignKinds = []foreignKind{
	foreign("cilium.io", "CiliumNetworkPolicy", "ciliumnetworkpolicies").known(),
	foreign("cilium.io", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies").everywhere().known(),
	foreign("projectcalico.org", "NetworkPolicy", "networkpolicies").known(),
	foreign("projectcalico.org", "GlobalNetworkPolicy", "globalnetworkpolicies").everywhere().known(),
	foreign("crd.projectcalico.org", "NetworkPolicy", "networkpolicies").known(),
	foreign("crd.projectcalico.org", "GlobalNetworkPolicy", "globalnetworkpolicies").everywhere().known(),
	foreign("projectcalico.org", "NetworkSet", "networksets").everywhere().data(),
	foreign("projectcalico.org", "GlobalNetworkSet", "globalnetworksets").everywhere().data(),
	foreign("projectcalico.org", "Tier", "tiers").everywhere().data(),
	foreign("crd.projectcalico.org", "NetworkSet", "networksets").everywhere().data(),
	foreign("crd.projectcalico.org", "GlobalNetworkSet", "globalnetworksets").everywhere().data(),
	foreign("crd.projectcalico.org", "Tier", "tiers").everywhere().data(),
	foreign("policy.networking.k8s.io", "AdminNetworkPolicy", "adminnetworkpolicies").everywhere(),
	foreign("policy.networking.k8s.io", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies").everywhere(),
	foreign("policy.networking.k8s.io", "ClusterNetworkPolicy", "clusternetworkpolicies").everywhere(),
	foreign("crd.antrea.io", "NetworkPolicy", "networkpolicies"),
	foreign("crd.antrea.io", "ClusterNetworkPolicy", "clusternetworkpolicies").everywhere(),
	foreign("k8s.ovn.org", "EgressFirewall", "egressfirewalls").of(networkingv1.PolicyTypeEgress),
	foreign("security.istio.io", "AuthorizationPolicy", "authorizationpolicies").of(networkingv1.PolicyTypeIngress).rooted("istio-system"),
}

func foreign(group, kind, resource string) foreignKind {
	return foreignKind{Need: inventory.Need{Group: group, Kind: kind, Resource: resource}}
}

func (k foreignKind) everywhere() foreignKind                  { k.wide = true; return k }
func (k foreignKind) of(d networkingv1.PolicyType) foreignKind { k.only = d; return k }
func (k foreignKind) known() foreignKind                       { k.evaluated = true; return k }
func (k foreignKind) data() foreignKind                        { k.referred = true; return k }
func (k foreignKind) rooted(ns string) foreignKind             { k.root = ns; return k }
func (k foreignKind) governs(d networkingv1.PolicyType) bool   { return k.only == "" || k.only == d }

// foreignNeeds: such a policy can isolate, and it can allow.
func foreignNeeds() []inventory.Need {
	var out []inventory.Need
	for _, k := range foreignKinds {
		n := k.Need
		if !k.wide && k.root == "" {
			n = n.InSubjectNamespace()
		}
		out = append(out, n)
	}
	return out
}

// effect is what a policy of another engine could do in a direction.
type effect struct{ isolate, allow bool }

// foreignPolicies brings the policies of Cilium and Calico to the common form, and stands in for those of engines that are
// not evaluated: each may do, to the pods that it may speak of, what it plainly does not leave alone.
func (b *builder) foreignPolicies() {
	b.ciliumPolicies()
	b.calicoPolicies()
	for _, k := range foreignKinds {
		if k.Group == policyAPI || k.referred {
			continue
		}
		if !k.evaluated {
			b.standIn(k)
		}
	}
}

// standIn is for policies that are not evaluated.
func (b *builder) standIn(k foreignKind) {
	for o := range b.inv.ByKind(k.GroupKind()) {
		scope := namespace(o.Namespace())
		if k.wide || k.root != "" && o.Namespace() == k.root {
			scope = ""
		}
		p := &policy{object: o, tier: policyTier, order: 1000, namespace: scope, selects: b.asSubject(func(*class) truth { return maybe }, false)}
		p.doubt = fmt.Sprintf("%s of %s is not evaluated", k.Kind, k.Group)
		some := false
		for _, d := range []Direction{Ingress, Egress} {
			if !k.governs(policyTypes[d]) {
				continue
			}
			e := effectOf(o, policyTypes[d])
			if e.isolate {
				p.dirs[d].isolates = maybe
			}
			if e.allow {
				p.dirs[d].rules = []rule{{action: allow, peers: world, ports: portSpec{ports: AllPorts}, doubt: p.doubt}}
			}
			some = some || e.isolate || e.allow
		}
		if some {
			b.note(o, []any{"spec"}, "%s", p.doubt)
			b.policies = append(b.policies, p)
		}
	}
}

// effectOf errs to the side of an effect: only what the policy plainly does not speak of is excluded.
func effectOf(o *inventory.Object, d networkingv1.PolicyType) effect {
	var e effect
	group := o.GroupKind().Group
	var specs []map[string]any
	root := o.Unstructured().Object
	if s, ok, _ := unstructured.NestedMap(root, "spec"); ok {
		specs = append(specs, s)
	}
	if list, ok, _ := unstructured.NestedSlice(root, "specs"); ok {
		for _, s := range list {
			if m, ok := s.(map[string]any); ok {
				specs = append(specs, m)
			}
		}
	}
	dir := strings.ToLower(string(d))
	for _, s := range specs {
		rules, _ := s[dir].([]any)
		switch group {
		case "k8s.ovn.org", "security.istio.io":
			e.isolate = true // neither allows what a NetworkPolicy denies
		default:
			e.isolate = e.isolate || hasAction(rules, "Deny", "Drop", "Reject")
			e.allow = e.allow || hasAction(rules, "Allow", "Accept")
		}
	}
	return e
}

func hasAction(rules []any, actions ...string) bool {
	return slices.ContainsFunc(rules, func(r any) bool {
		m, _ := r.(map[string]any)
		action, _ := m["action"].(string)
		return slices.Contains(actions, action)
	})
}
