package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// company is who can be on a node of a workload: one of a lower level, and where.
type company struct {
	with *Placement
	node *Node // nil where no nodes were seen
}

// below finds a workload of a lower level that can be on a node of p. With Can there is one; with Undetermined there may
// be, and node is nil where no nodes were seen and nothing that the two ask excludes one another.
func (s *Separation) below(p *Placement, level sensitivity.Level) (company, Answer) {
	for _, answer := range []Answer{Can, Undetermined} {
		for _, set := range s.levels() {
			if set.level >= level {
				continue
			}
			mine, theirs := p.certain, set.certain
			if answer == Undetermined {
				mine, theirs = p.possible, set.possible
			}
			both := slices.Clone(mine)
			both.within(theirs)
			if both.empty() {
				continue
			}
			for _, n := range s.Feasibility.nodes {
				if !both.has(n.index) || n.OwnKernels {
					continue
				}
				for _, q := range set.placements {
					if on := q.On(n); (on == Can || answer == Undetermined && on == Undetermined) && p.together(q, n, answer) {
						return company{q, n}, answer
					}
				}
			}
		}
	}
	if len(s.Feasibility.nodes) == 0 {
		if q := s.notExcluded(p, level); q != nil {
			return company{with: q}, Undetermined
		}
	}
	return company{}, Cannot
}

// notExcluded is a workload of a lower level that nothing of what it and p ask of nodes keeps off p's.
func (s *Separation) notExcluded(p *Placement, level sensitivity.Level) *Placement {
	for _, set := range s.levels() {
		if set.level >= level {
			continue
		}
		for _, q := range set.placements {
			for _, x := range p.classes {
				for _, y := range q.classes {
					if !disjoint(x, y) {
						return q
					}
				}
			}
		}
	}
	return nil
}

// undetermined makes an outcome NotAssessed where who comes to the nodes of a workload is not known.
func (c company) undetermined(e *nist190.Eval, out *nist190.Outcome) {
	out.Status = nist190.NotAssessed
	if c.node == nil {
		need := inventory.NeedOf[corev1.Node](inventory.Either)
		seen := e.Inventory.Coverage(need.GroupKind(), "")
		out.Reason = nist190.ReasonMissingEvidence
		out.Missing = []nist190.Missing{{Evidence: need.String(), State: seen.State, Reason: seen.Reason}}
		out.Message += ", and nodes, which may keep " + named(c.with.Workload) + " off, were not seen"
		return
	}
	out.Reason = nist190.ReasonUnknown
	out.Message += ", and whether " + named(c.with.Workload) + " can come to " + c.node.String() + " is not known"
}
