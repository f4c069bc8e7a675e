package network

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var familyGap = nist190.Metadata{
	ID: "network-dual-stack-gap", Title: "Policy that limits one address family and leaves the other open or out", Advisory: true,
	Doc: `A NetworkPolicy is about all addresses of one family but some exceptions, and of the other family about all of them, or about
none. The first is a hole: networks within, and the cloud's metadata service, have IPv6 addresses too (fd00:ec2::254), and what
is excepted over IPv4 is reached over IPv6. The second shuts a family out that pods have: connections fail or are slow to begin,
and somebody will open more than was meant.

An ipBlock is of one family: 0.0.0.0/0 says nothing of IPv6.

Before:

    to:
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}
    - ipBlock: {cidr: "::/0"}

After:

    to:
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}
    - ipBlock: {cidr: "::/0", except: ["fc00::/7"]}`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Except the same networks of both families, and give each family its block.",
	Needs: append(everyPod(),
		// A Service of two families shows that there are two.
		inventory.NeedOf[corev1.Service](inventory.Incriminating)),
	Subjects: policyKind,
	Limits: `That a family is left out is reported only where pods are seen to have both: by their addresses, by Services that ask for both,
or by podCIDRs of the configuration. Policies other than NetworkPolicy are not looked at.`,
}

// stack is which address families pods are seen to have.
type stack struct{ known, both bool }

func (m *model) stack(inv *inventory.Inventory) stack {
	var out stack
	has := func(four, six bool) { out.both = out.both || four && six }
	for _, p := range m.pods {
		if p.Host() || len(p.Addrs) == 0 {
			continue
		}
		out.known = true
		four := false
		six := false
		for _, a := range p.Addrs {
			four, six = four || a.Is4(), six || a.Is6()
		}
		has(four, six)
	}
	for _, s := range inventory.Typed[corev1.Service](inv) {
		if p := s.Spec.IPFamilyPolicy; len(s.Spec.IPFamilies) == 2 || p != nil && *p == corev1.IPFamilyPolicyRequireDualStack {
			out.both = true
		}
	}
	four, six := false, false
	for _, c := range PluginProfile.Get(inv).PodCIDRs {
		four, six = four || c.Addr().Is4(), six || c.Addr().Is6()
	}
	has(four, six)
	return out
}

// familyPeer is a peer that is about a whole address family, but for exceptions.
type familyPeer struct {
	rule  *lintRule
	peer  int
	block *networkingv1.IPBlock
}

func findFamilyGap(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	have := m.stack(e.Inventory)
	type key struct {
		p *policy
		d Direction
	}
	whole := map[key]*[2][]familyPeer{}
	var order []key
	for r := range m.lintRules() {
		for j := range r.flow.peers {
			b := r.flow.peers[j].IPBlock
			if b == nil {
				continue
			}
			of, ok := rangeOf(b.CIDR)
			family := slices.Index(families, of)
			if !ok || family < 0 {
				continue
			}
			k := key{r.policy, r.d}
			if whole[k] == nil {
				whole[k] = &[2][]familyPeer{}
				order = append(order, k)
			}
			whole[k][family] = append(whole[k][family], familyPeer{&r, j, b})
		}
	}
	found := false
	for _, k := range order {
		report := func(at familyPeer, severity nist190.Severity, message string) {
			found = true
			path := append(at.rule.peerAt(at.peer), "ipBlock")
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Severity: severity, Subject: k.p.object.Ref(), Key: inventory.PathString(path...), Message: message,
				Evidence: []nist190.Evidence{nist190.At(k.p.object, append(path, "cidr")...).Showing(at.block.CIDR)},
			})
		}
		for family := range families {
			mine, other := whole[k][family], whole[k][1-family]
			if at, limited, ports := hole(mine, other); limited != nil && (have.both || !have.known) && m.limits(k.p, k.d) {
				report(at, nist190.SeverityMedium, fmt.Sprintf("%s is without exceptions on %s, where %s has %s: what these stand for is open over the other family", at.block.CIDR, words(ports), limited.CIDR, phrase.Shorten(limited.Except)))
				break
			}
			if have.both && len(mine) > 0 && len(other) == 0 && m.leavesOut(k.p, k.d, 1-family) {
				report(mine[0], nist190.SeverityLow, fmt.Sprintf("%s is about one address family, and pods have two: nothing is let through over %s", mine[0].block.CIDR, [...]string{"IPv4", "IPv6"}[1-family]))
			}
		}
	}
	return found, nil
}

// hole finds a block of a family without exceptions beside one of the other that has some, and nothing that undoes them.
func hole(open, limited []familyPeer) (at familyPeer, by *networkingv1.IPBlock, ports Ports) {
	for _, o := range open {
		if len(o.block.Except) > 0 {
			continue
		}
		rest, of := Ports{}, (*networkingv1.IPBlock)(nil)
		for _, l := range limited {
			if len(l.block.Except) > 0 {
				if of == nil {
					of = l.block
				}
				rest = rest.Union(l.rule.rule.ports.ports)
			}
		}
		for _, l := range limited {
			if len(l.block.Except) == 0 {
				rest = rest.Minus(l.rule.rule.ports.ports)
			}
		}
		if rest = rest.Intersect(o.rule.rule.ports.ports); !rest.Empty() {
			return o, of, rest
		}
	}
	return familyPeer{}, nil, Ports{}
}

// limits tells whether the policies of some pod that p selects leave it other than open to everybody, which another check
// reports.
func (m *model) limits(p *policy, d Direction) bool {
	return slices.ContainsFunc(m.selectedBy(p), func(c *class) bool {
		is, _ := m.openness(c, d)
		return is != yes
	})
}

// leavesOut tells of the pods that p selects that nothing of a family outside is let through.
func (m *model) leavesOut(p *policy, d Direction, family int) bool {
	selected := m.selectedBy(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range selected {
		for i, a := range m.outside {
			if sameFamily(a.ranges, families[family]) && !m.silent(m.in[d][c.index].cellOf(len(m.classes)+i)) {
				return false
			}
		}
	}
	return len(selected) > 0
}

// selectedBy lists the classes of pods that a policy of a namespace certainly selects.
func (m *model) selectedBy(p *policy) []*class {
	var out []*class
	own := m.inCluster[string(p.namespace)]
	for _, c := range m.classes[own[0]:own[1]] {
		if !c.newcomer && p.selects(c) == yes {
			out = append(out, c)
		}
	}
	return out
}
