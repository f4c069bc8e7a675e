package placement

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/sensitivity"
)

var threatPosture = nist190.Metadata{
	ID: "placement-threat-posture", Title: "Workload open to the outside on the nodes of the most sensitive",
	Doc: `A workload that takes traffic from outside of the cluster can run on a node together with others of the highest sensitivity
level that do not.

SP 800-190 asks for segments by threat posture as well as by sensitivity: what is attacked from the internet should not
share a kernel with what holds the most sensitive data, even where both have the same level. Entries are Services of type
LoadBalancer and NodePort, external IPs, host ports, Ingresses, Gateways and Routes; internal load balancers do not count.
Workloads of a lower level are placement-possible-sharing's to report.

Before:

    restricted: payments-api (behind an Ingress), card-vault          # one set of nodes

After:

    restricted: payments-api                                          # nodes for what faces the internet
    restricted: card-vault                                            # nodes for what does not`,
	Claims: nist190.Claims("4d"), Controls: []string{"SC-7"}, Severity: nist190.SeverityMedium, Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Remediation: `Put a workload of a lower level in front that takes the traffic, or give what faces the outside nodes of its own: a second label and
taint, and the node selector and toleration for it.`,
	Limits: "Whether network policies let the traffic pass is network-public-exposure's question. Pools are not compared.",
}

// postureChecks ask what shares nodes beyond levels.
func postureChecks() []nist190.Check {
	return []nist190.Check{ThreatPosture(), onLevels(trampoline, answeringForThemselves(), checkTrampoline)}
}

// ThreatPosture finds exposed workloads beside the most sensitive.
func ThreatPosture() nist190.Check {
	md := threatPosture
	md.Needs = inventory.JoinNeeds(SeparationNeeds(), network.CollectedNeeds(), network.EntryNeeds())
	return nist190.NewCheck(md, checkThreatPosture)
}

func checkThreatPosture(ctx context.Context, e *nist190.Eval) error {
	s, err := SeparationOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	zones, err := network.CollectedZonesOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	top := s.byLevel[sensitivity.Level(len(s.Levels.Names()))]
	if top == nil {
		return nil
	}
	exposed := map[inventory.Ref]*network.Entry{}
	entries := zones.Entries(e.Inventory)
	for i := range entries {
		if x := &entries[i]; !x.Internal && x.Pod != nil && x.Pod.Workload != nil {
			if r := x.Pod.Workload.Ref().Identity(); exposed[r] == nil {
				exposed[r] = x
			}
		}
	}
	var inside []*Placement
	for _, p := range top.placements {
		if exposed[p.Workload.Ref().Identity()] == nil {
			inside = append(inside, p)
		}
	}
	for _, p := range top.placements {
		x := exposed[p.Workload.Ref().Identity()]
		if x == nil {
			continue
		}
		out := passing(p.Workload)
		var beside []*inventory.Workload
		var where *Node
		for _, q := range inside {
			if n := s.common(p, q); n != nil {
				beside = append(beside, q.Workload)
				if where == nil {
					where = n
				}
			}
		}
		if len(beside) > 0 {
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("it takes traffic from outside (%s %q) and can share %s with %s workloads that do not: %s", x.Object.Ref().Kind, x.Object.Name(), where, s.Levels.Name(top.level), phrase.Workloads(beside))
			out.Evidence = slices.Concat([]nist190.Evidence{nist190.At(x.Object, x.Path...)}, whereFrom(p.Workload), []nist190.Evidence{where.evidence()})
		}
		e.Report(out)
	}
	return nil
}

// common is the first node that both can certainly land on.
func (s *Separation) common(a, b *Placement) *Node {
	for _, n := range s.Feasibility.nodes {
		if !n.Pool && !n.OwnKernels && a.On(n) == Can && b.On(n) == Can {
			return n
		}
	}
	return nil
}
