package placement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var segments = nist190.Metadata{
	ID: "placement-segments", Title: "What shares nodes, for people to judge by purpose",
	Doc: `SP 800-190 asks that containers are segmented by purpose, sensitivity and threat posture. Sensitivity is declared, and posture
follows from what takes traffic from outside; both have checks. What a workload is for no object says, so that this is for
people: the evidence lists which namespaces can run on which nodes.

A person who has looked at it attests the sentence or this check, and the other checks of the sentence decide with it.

Before: nobody has said whether the workloads of a set of nodes serve one purpose.

After:

    attestations:
    - check: placement-segments
      statement: build jobs, databases and applications have nodes of their own
      owner: platform team
      expires: 2027-01-31`,
	Claims:   []nist190.Claim{{Sentence: "4d", Conclusive: true}},
	Controls: []string{"SC-7", "SC-7(21)"}, Severity: nist190.SeverityInfo,
	Remediation: "Look at which namespaces share nodes, separate those of different purpose where it is worth it, and attest that.",
	Limits:      "It never fails, and passes by an attestation alone. Infrastructure is left out.",
}

func checkSegments(e *nist190.Eval, s *Separation) {
	all := map[string]bool{}
	byNode := map[*Node][]string{}
	for _, p := range s.Feasibility.placements {
		if s.Levels.Workload(p.Workload.Ref()).Level == sensitivity.Infra {
			continue
		}
		ns := p.Workload.Namespace()
		all[ns] = true
		for n, on := range p.Nodes(s.Feasibility) {
			if on == Can && !slices.Contains(byNode[n], ns) {
				byNode[n] = append(byNode[n], ns)
			}
		}
	}
	if len(all) == 0 {
		e.NotApplicable(inventory.Cluster, "no workload is there but infrastructure")
		return
	}
	nodes := map[string][]string{} // by the namespaces that can run there
	for _, n := range s.Feasibility.nodes {
		if names := byNode[n]; len(names) > 0 {
			slices.Sort(names)
			key := strings.Join(names, ", ")
			nodes[key] = append(nodes[key], n.Name)
		}
	}
	out := nist190.Outcome{Status: nist190.NotAssessed, Reason: nist190.ReasonManualReview, Subject: inventory.Cluster}
	out.Message = fmt.Sprintf("whether the workloads of %s that share nodes serve one purpose is for people to say", phrase.Count(len(all), "namespace"))
	if len(nodes) > 0 {
		out.Message = fmt.Sprintf("%s of nodes can run the workloads of %s; whether those that share nodes serve one purpose is for people to say", phrase.Count(len(nodes), "set"), phrase.Count(len(all), "namespace"))
		out.Exhibits = []nist190.Exhibit{{
			Name: "node-segments", Title: "Which namespaces can run on which nodes", Columns: []string{"nodes", "namespaces"},
			Rows: func(yield func([]string) bool) {
				for _, key := range sortedKeys(nodes) {
					if !yield([]string{phrase.Shorten(nodes[key]), key}) {
						return
					}
				}
			},
		}}
	}
	e.Report(out)
}
