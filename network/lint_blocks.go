package network

import (
	"context"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var internalBlock = nist190.Metadata{
	ID: "network-internal-block", Title: "Address block that overlaps the addresses of pods", Advisory: true,
	Doc: `An ipBlock of a NetworkPolicy holds addresses that pods have or can have. The API means blocks for what is outside of the
cluster, since addresses of pods change. Most network plugins match pods by blocks all the same, and Kubernetes' tests
(test/e2e/network/netpol) ask for it; Cilium never does. One policy thus means different things in different clusters.
The whole of an address family, with exceptions or without, is not reported.

Before:

    to: [{ipBlock: {cidr: 10.0.0.0/8}}]

After:

    to: [{podSelector: {matchLabels: {app: db}}}, {ipBlock: {cidr: 10.200.0.0/16}}]   # pods by label, the rest by address`,
	Claims: nist190.Claims("3c"), Controls: []string{"AC-4", "CM-6"},
	Severity: nist190.SeverityLow,
	Remediation: `Select pods by labels, and limit the block to addresses outside of the cluster. Where the block holds no pods, say so by the
pod CIDRs of the network plugin in the configuration.`,
	// With the addresses of pods that were not seen, a guess at ranges might not have been needed.
	Needs: everyPod(), Subjects: policyKind,
	Limits: "Addresses of nodes and Services are not looked at. Where no pod's address is known, pods are taken to have private ones.",
}

func findInternalBlock(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	found := false
	guessed := len(PluginProfile.Get(e.Inventory).PodCIDRs) == 0
	for r := range z.m.lintRules() {
		for j := range r.flow.peers {
			b := r.flow.peers[j].IPBlock
			if b == nil {
				continue
			}
			if whole, ok := rangeOf(b.CIDR); !ok || whole == families[0] || whole == families[1] {
				continue
			}
			what := z.m.inside(blockOf(b), guessed)
			if what == "" {
				continue
			}
			found = true
			at := append(r.peerAt(j), "ipBlock")
			e.Fail(r.object.Ref(), inventory.PathString(at...), fmt.Sprintf("%s holds %s: %s", b.CIDR, what, z.m.profile.onPods()), nist190.At(r.object, append(at, "cidr")...).Showing(b.CIDR))
		}
	}
	return found, nil
}

// inside words what of the pods is in a block. Ranges that nobody configured are a guess, which addresses of running pods
// are better than.
func (m *model) inside(block prefixes, guessed bool) string {
	known := false
	for _, p := range m.pods {
		if p.Host() {
			continue
		}
		for _, a := range p.Addrs {
			known = true
			if block.has(a) {
				return fmt.Sprintf("the address of Pod %q", p.Namespace+"/"+p.Object.Name())
			}
		}
	}
	if known && guessed {
		return ""
	}
	for _, cidr := range m.profile.PodCIDRs {
		r := addressRange{cidr.Masked().Addr(), lastOf(cidr.Masked())}
		if block.holds(r) != no {
			return fmt.Sprintf("addresses of %s, which pods can have", cidr)
		}
	}
	return ""
}

// onPods words what a block means for pods.
func (p *Profile) onPods() string {
	name := p.Plugin
	if name == "" {
		name = "a plugin that follows Kubernetes' tests"
	}
	switch p.IPBlockMatchesPods {
	case Yes:
		return name + " applies it to pods too, others such as cilium do not"
	case No:
		return name + " does not apply it to pods, others do"
	}
	return "whether that applies to pods depends on the network plugin"
}
