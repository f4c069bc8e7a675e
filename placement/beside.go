package placement

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// company is who can be on a node of a workload, and where.
type company struct {
	with  *Placement
	level sensitivity.Level
	node  *Node // nil where no nodes were seen
}

// below finds a workload of a lower level that can be on a node of p; see beside.
func (s *Separation) below(p *Placement, level sensitivity.Level) (company, Answer) {
	return s.beside(p, slices.DeleteFunc(s.levels(), func(set *levelSet) bool { return set.level >= level }))
}

// above finds one of a higher level, of the highest first.
func (s *Separation) above(p *Placement, level sensitivity.Level) (company, Answer) {
	sets := slices.DeleteFunc(s.levels(), func(set *levelSet) bool { return set.level <= level })
	slices.Reverse(sets)
	return s.beside(p, sets)
}

// beside finds a workload of one of the levels that can be on a node of p. With Can there is one; with Undetermined there
// may be, and node is nil where no nodes were seen and nothing that the two ask excludes one another.
func (s *Separation) beside(p *Placement, sets []*levelSet) (company, Answer) {
	for _, answer := range []Answer{Can, Undetermined} {
		for _, set := range sets {
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
						return company{q, set.level, n}, answer
					}
				}
			}
		}
	}
	if len(s.Feasibility.nodes) == 0 {
		for _, set := range sets {
			if q := notExcluded(p, set); q != nil {
				return company{with: q, level: set.level}, Undetermined
			}
		}
	}
	return company{}, Cannot
}

// notExcluded is a workload that nothing of what it and p ask of nodes keeps off p's.
func notExcluded(p *Placement, set *levelSet) *Placement {
	for _, shape := range slices.Sorted(maps.Keys(set.asking)) {
		q := set.asking[shape]
		y := q.classes[slices.IndexFunc(q.classes, func(c *podClass) bool { return c.shape == shape })]
		for _, x := range p.classes {
			if !disjoint(x, y) {
				return q
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
		out.Message += ", and nodes, whose taints may keep it and " + named(c.with.Workload) + " apart, were not seen"
		return
	}
	out.Reason = nist190.ReasonUnknown
	out.Message += ", and whether it and " + named(c.with.Workload) + " can meet on " + c.node.String() + " is not known"
}
