package network

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
)

var priorityConflict = nist190.Metadata{
	ID: "network-priority-conflict", Title: "Cluster-wide policies of one priority that contradict each other",
	Doc: `Two AdminNetworkPolicies or ClusterNetworkPolicies of one tier have the same priority, select a pod in common and decide
differently for the same peer and port: one allows what the other denies or passes on. The API leaves open which of them
wins, so that the network plugin may take either, and another plugin the other.

Before:

    kind: ClusterNetworkPolicy
    spec: {tier: Admin, priority: 10, ingress: [{action: Accept, from: [{namespaces: {}}]}]}
    ---
    kind: ClusterNetworkPolicy
    spec: {tier: Admin, priority: 10, ingress: [{action: Deny, from: [{namespaces: {}}]}]}

After: the one that is meant to win has the lower number.`,
	Claims: nist190.Claims("3a", "3c"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityMedium,
	Remediation: "Give the policies different priorities; the lower number is evaluated first.",
	// A pod that was not seen adds a pair; that the pods of a pair are one fewer does not end it.
	Subjects: []schema.GroupKind{{Group: policyAPI, Kind: "AdminNetworkPolicy"}, {Group: policyAPI, Kind: "ClusterNetworkPolicy"}},
	Limits:   "Policies that select no pod of the inventory in common are not compared.",
}

// conflict is ports on which two policies decide differently, for certain and possibly, and one peer of each kind.
type conflict struct {
	must, may         portID
	mustPeer, mayPeer int
}

func findPriorityConflict(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	found := false
	for _, d := range []Direction{Ingress, Egress} {
		done := map[[2]*policy]truth{}
		for _, g := range m.groups[d] {
			c := m.someone(g)
			if c == nil {
				continue
			}
			for i, a := range g.policies {
				for _, b := range g.policies[i+1:] {
					pair := [2]*policy{a.policy, b.policy}
					if !rivals(a.policy, b.policy) || done[pair] == yes {
						continue
					}
					x := m.conflict(c, d, a, b)
					out := nist190.Outcome{
						Subject: a.object.Ref(), Key: fmt.Sprintf("%s %s %s", d, b.object.Ref().Kind, b.object.Name()),
						Evidence: []nist190.Evidence{nist190.At(a.object, "spec", "priority"), nist190.At(b.object, "spec", "priority"), nist190.At(c.Object, "metadata", "name")},
					}
					who := fmt.Sprintf("%s %q", c.Workload.Ref().Kind, c.Namespace+"/"+c.Workload.Object.Name())
					switch {
					case x.must != noPorts:
						out.Status = nist190.Fail
						out.Message = fmt.Sprintf("%s has the same priority and decides differently: %s of %s, %s, %s", b.String(), d, who, m.nameOf(x.mustPeer), words(m.ports.sets[x.must]))
						done[pair] = yes
					case x.may != noPorts && done[pair] == no:
						out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
						out.Message = fmt.Sprintf("%s has the same priority and may decide differently: %s of %s, %s, %s", b.String(), d, who, m.nameOf(x.mayPeer), words(m.ports.sets[x.may]))
						done[pair] = maybe
					default:
						continue
					}
					found = true
					e.Report(out)
				}
			}
		}
	}
	return found, nil
}

// someone is a class of the group of which there are pods.
func (m *model) someone(g *group) *class {
	for _, i := range g.classes {
		if !m.classes[i].newcomer {
			return m.classes[i]
		}
	}
	return nil
}

// rivals are policies of sigs.k8s.io/network-policy-api of which either may be evaluated first ("the implementation can
// apply any of them", apis/v1alpha2, ClusterNetworkPolicySpec.Priority).
func rivals(a, b *policy) bool {
	return a.object != nil && b.object != nil && a.object.GroupKind().Group == policyAPI && b.object.GroupKind().Group == policyAPI &&
		a.tier == b.tier && a.order == b.order
}

// decision is what one policy by itself does to peers that it treats alike.
type decision struct {
	peers                bitset
	allow, deny, pass    portID // for certain
	allow2, deny2, pass2 portID // possibly
}

func (m *model) decisions(c *class, d Direction, p governed) []decision {
	t := m.ports
	fresh := state{verdict: closed, left: allPorts, perhaps: allPorts}
	var out []decision
	for s, peers := range m.apply(map[state]bitset{fresh: m.universe}, c, d, p, nil) {
		decided, perhaps := t.sub(fresh.left, s.perhaps), t.sub(fresh.perhaps, s.left)
		out = append(out, decision{
			peers: peers,
			allow: s.must, pass: s.passed, deny: t.sub(decided, t.or(s.may, s.maybe)),
			allow2: s.may, pass2: s.maybe, deny2: t.sub(perhaps, t.or(s.must, s.passed)),
		})
	}
	return out
}

func (m *model) conflict(c *class, d Direction, a, b governed) conflict {
	t := m.ports
	out := conflict{must: noPorts, may: noPorts}
	differ := func(allow, deny, pass, allow2, deny2, pass2 portID) portID {
		return t.or(t.or(t.and(allow, t.or(deny2, pass2)), t.and(deny, t.or(allow2, pass2))), t.and(pass, t.or(allow2, deny2)))
	}
	others := m.decisions(c, d, b)
	lowest := func(peers bitset) int {
		for i := range peers.each() {
			return i
		}
		return 0
	}
	take := func(ports *portID, peer *int, more portID, peers bitset) {
		if more == noPorts {
			return
		}
		if i := lowest(peers); *ports == noPorts || i < *peer {
			*peer = i
		}
		*ports = t.or(*ports, more)
	}
	own := m.inCluster[elsewhere]
	stranger := span(own[0], own[1])
	for _, x := range m.decisions(c, d, a) {
		for _, y := range others {
			meet := x.peers.and(y.peers)
			if meet.empty() {
				continue
			}
			take(&out.must, &out.mustPeer, differ(x.allow, x.deny, x.pass, y.allow, y.deny, y.pass), meet)
			// What labels a namespace will have that does not exist yet is anybody's guess.
			if meet = meet.minus(stranger); meet.empty() {
				continue
			}
			take(&out.may, &out.mayPeer, differ(x.allow2, x.deny2, x.pass2, y.allow2, y.deny2, y.pass2), meet)
		}
	}
	return out
}

// nameOf names one peer.
func (m *model) nameOf(i int) string {
	switch {
	case i >= len(m.classes)+len(m.outside):
		return "addresses that no policy names"
	case i >= len(m.classes):
		return "addresses " + m.outside[i-len(m.classes)].String()
	case m.classes[i].newcomer && m.classes[i].Namespace == elsewhere:
		return "pods of new namespaces"
	case m.classes[i].newcomer:
		return fmt.Sprintf("new pods of namespace %q", m.classes[i].Namespace)
	}
	w := m.classes[i].Workload
	return fmt.Sprintf("%s %q", w.Ref().Kind, w.Namespace()+"/"+w.Object.Name())
}
