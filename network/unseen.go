package network

import (
	"fmt"

	"github.com/nist190/nist190/inventory"

	networkingv1 "k8s.io/api/networking/v1"
)

// unseenPolicies stands in for policies that were not collected or could not be read: they may do anything.
func (b *builder) unseenPolicies(workloads []*inventory.Workload) {
	for _, k := range foreignKinds {
		if k.referred {
			continue
		}
		if cover := b.inv.Coverage(k.GroupKind(), ""); !cover.State.Complete() {
			b.opaque(nil, "", fmt.Sprintf("not every %s of %s could be seen", k.Kind, k.Group), func(*class) truth { return maybe }, Ingress, Egress)
		}
	}
	kind := inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either).GroupKind()
	if len(workloads) == 0 {
		return
	}
	done := map[string]bool{}
	for _, w := range workloads {
		ns := w.Namespace()
		if done[ns] {
			continue
		}
		done[ns] = true
		if cover := b.inv.Coverage(kind, ns); !cover.State.Complete() {
			b.opaque(nil, namespace(ns), fmt.Sprintf("not every NetworkPolicy of namespace %q could be seen", ns), func(*class) truth { return maybe }, Ingress, Egress)
		}
	}
}

// opaque is a policy that cannot be evaluated: in the directions it may isolate what it may select, and allow anything.
func (b *builder) opaque(o *inventory.Object, ns namespace, why string, selects func(*class) truth, directions ...Direction) {
	p := &policy{object: o, name: why, tier: policyTier, order: 1000, namespace: ns, doubt: why, selects: b.asSubject(func(c *class) truth { return min(maybe, selects(c)) }, false)}
	for _, d := range directions {
		p.dirs[d] = section{isolates: maybe, rules: []rule{{action: allow, peers: world, ports: portSpec{ports: AllPorts}, doubt: why}}}
	}
	b.policies = append(b.policies, p)
}
