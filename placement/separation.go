package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// Separation says which sensitivity levels share nodes. Infrastructure serves every level and keeps company with all;
// what has no level is not compared.
type Separation struct {
	Feasibility *Feasibility
	Levels      *sensitivity.Levels

	byLevel      map[sensitivity.Level]*levelSet
	unclassified []*inventory.Workload
}

// levelSet are the workloads of one level and where they can land.
type levelSet struct {
	level      sensitivity.Level
	placements []*Placement
	certain    nodeSet
	possible   nodeSet
	asking     map[int]*Placement // one of those that ask the same of nodes, by shape
}

// SeparationOf computes the separation once per inventory.
func SeparationOf(ctx context.Context, inv *inventory.Inventory) (*Separation, error) {
	return separation.Get(ctx, inv)
}

// SeparationNeeds are the needs of [SeparationOf].
func SeparationNeeds() []inventory.Need { return inventory.JoinNeeds(Needs(), sensitivity.Needs()) }

var separation = inventory.Derive("placement separation", feasibility, func(ctx context.Context, inv *inventory.Inventory, f *Feasibility) (*Separation, error) {
	levels, err := sensitivity.LevelsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	s := &Separation{Feasibility: f, Levels: levels, byLevel: map[sensitivity.Level]*levelSet{}}
	for _, p := range f.placements {
		l := levels.Workload(p.Workload.Ref()).Level
		switch {
		case l == sensitivity.Infra:
		case l == sensitivity.Unclassified:
			s.unclassified = append(s.unclassified, p.Workload)
		default:
			set := s.byLevel[l]
			if set == nil {
				set = &levelSet{level: l, certain: newNodeSet(len(f.nodes)), possible: newNodeSet(len(f.nodes)), asking: map[int]*Placement{}}
				s.byLevel[l] = set
			}
			set.placements = append(set.placements, p)
			set.certain.union(p.certain)
			set.possible.union(p.possible)
			for _, c := range p.classes {
				if set.asking[c.shape] == nil {
					set.asking[c.shape] = p
				}
			}
		}
	}
	return s, nil
})

// biased gives the needs of some kinds another bias.
func biased(needs []inventory.Need, bias inventory.Bias, of []inventory.Need) []inventory.Need {
	for i := range needs {
		if slices.ContainsFunc(of, func(n inventory.Need) bool { return n.GroupKind() == needs[i].GroupKind() }) {
			needs[i].Bias = bias
		}
	}
	return needs
}

// levels lists those that have workloads, the least sensitive first.
func (s *Separation) levels() []*levelSet {
	var out []*levelSet
	for _, set := range s.byLevel {
		out = append(out, set)
	}
	slices.SortFunc(out, func(a, b *levelSet) int { return int(a.level) - int(b.level) })
	return out
}

// Meeting is what shows that two workloads can be on one node.
type Meeting struct {
	High, Low *Placement
	Node      *Node
	// Nodes is on how many nodes and pools workloads of the two levels can meet.
	Nodes int
	// Sandboxed: one of them has a machine of its own on the node, by the name of its runtime's handler.
	Sandboxed bool
}

// Meet finds out whether workloads of two levels can share a node that there is, or that a pool can make. With Can there
// is a witness, of pods without a machine of their own if there are any; Undetermined has one too, of what may be.
func (s *Separation) Meet(high, low sensitivity.Level) (Meeting, Answer) {
	hi, lo := s.byLevel[high], s.byLevel[low]
	if hi == nil || lo == nil {
		return Meeting{}, Cannot
	}
	for _, try := range []struct {
		answer    Answer
		sandboxed bool
	}{{Can, false}, {Can, true}, {Undetermined, false}} {
		if m, ok := s.meeting(hi, lo, try.answer, try.sandboxed); ok {
			return m, try.answer
		}
	}
	return Meeting{}, Cannot
}

func (s *Separation) meeting(hi, lo *levelSet, answer Answer, sandboxed bool) (m Meeting, ok bool) {
	sets := func(x *levelSet) nodeSet {
		if answer == Can {
			return x.certain
		}
		return x.possible
	}
	both := slices.Clone(sets(hi))
	both.within(sets(lo))
	for _, n := range s.Feasibility.nodes {
		if !both.has(n.index) || n.OwnKernels {
			continue
		}
		a, b, found := pairOn(hi, lo, n, answer, sandboxed)
		if !found {
			continue
		}
		if !ok {
			m, ok = Meeting{High: a, Low: b, Node: n, Sandboxed: sandboxed}, true
		}
		m.Nodes++
	}
	return m, ok
}

// pairOn is one workload of each level that can be on the node at once.
func pairOn(hi, lo *levelSet, n *Node, answer Answer, sandboxed bool) (a, b *Placement, ok bool) {
	fits := func(p *Placement) bool {
		on := p.On(n)
		return on == Can || answer == Undetermined && on == Undetermined
	}
	for _, a := range hi.placements {
		if !fits(a) || a.ownKernel && !sandboxed {
			continue
		}
		for _, b := range lo.placements {
			if fits(b) && (sandboxed || !b.ownKernel) && a.together(b, n, answer) {
				return a, b, true
			}
		}
	}
	return nil, nil, false
}

func (p *Placement) together(o *Placement, n *Node, answer Answer) bool {
	if !n.Pool {
		return true
	}
	on := func(c *podClass) bool {
		return c.certain.has(n.index) || answer == Undetermined && c.possible.has(n.index)
	}
	for _, x := range p.classes {
		for _, y := range o.classes {
			if on(x) && on(y) && together(x, y, n) {
				return true
			}
		}
	}
	return false
}

// Apart reports whether no workload of one level can ever share a node with one of the other, whatever nodes there are.
// Where they can, a and b are a pair that nothing of their own keeps apart.
func (s *Separation) Apart(high, low sensitivity.Level) (a, b *Placement, apart bool) {
	hi, lo := s.byLevel[high], s.byLevel[low]
	if hi == nil || lo == nil {
		return nil, nil, true
	}
	// Workloads that ask the same are asked once.
	type pair struct{ x, y int }
	asked := map[pair]bool{}
	for _, a := range hi.placements {
		for _, b := range lo.placements {
			for _, x := range a.classes {
				for _, y := range b.classes {
					if k := (pair{x.shape, y.shape}); !asked[k] {
						asked[k] = true
						if !disjoint(x, y) {
							return a, b, false
						}
					}
				}
			}
		}
	}
	return nil, nil, true
}

// pairs calls f for every two levels that have workloads, the higher first.
func (s *Separation) pairs(f func(high, low sensitivity.Level)) (any bool) {
	all := s.levels()
	for i, lo := range all {
		for _, hi := range all[i+1:] {
			any = true
			f(hi.level, lo.level)
		}
	}
	return any
}

// severity: the lowest level loses least, and the highest most, by sharing a node.
func severity(levels *sensitivity.Levels, l sensitivity.Level) nist190.Severity {
	top := sensitivity.Level(len(levels.Names()))
	switch {
	case l == 1:
		return nist190.SeverityLow
	case l == 2 && l < top:
		return nist190.SeverityMedium
	}
	return nist190.SeverityHigh
}

// reportUnclassified says once that workloads without a level were not compared, and whether that was needed.
func (s *Separation) reportUnclassified(e *nist190.Eval) {
	if len(s.unclassified) == 0 {
		return
	}
	e.Report(nist190.Outcome{
		Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "unclassified", Reason: nist190.ReasonUnclassified,
		Message:     fmt.Sprintf("whom %s may share a node with is not known without a sensitivity level: %s", phrase.Count(len(s.unclassified), "workload"), phrase.Workloads(s.unclassified)),
		Remediation: "Give them a level; see placement-unclassified.",
	})
}

// pairKey tells findings of two levels apart.
func (s *Separation) pairKey(high, low sensitivity.Level) string {
	return s.Levels.Name(high) + " " + s.Levels.Name(low)
}

// named is "Kind "name"" of a workload.
func named(w *inventory.Workload) string {
	return fmt.Sprintf("%s %q", w.Ref().Kind, w.Object.Name())
}

// String names a node or pool for a message.
func (n *Node) String() string {
	if !n.Pool {
		return fmt.Sprintf("node %q", n.Name)
	}
	kind, name, _ := strings.Cut(n.Name, "/")
	return fmt.Sprintf("nodes of %s %q", kind, name)
}

// evidence is the node's object, or the part of it that describes the pool.
func (n *Node) evidence() nist190.Evidence {
	if len(n.path) > 0 {
		return nist190.Place(n.at())
	}
	return nist190.At(n.Object, "metadata", "name")
}

// whereFrom are the fields of a workload that limit its nodes, or its name where nothing does.
func whereFrom(w *inventory.Workload) []nist190.Evidence {
	template := inventory.At{Object: w.Object, Path: append(slices.Clone(w.TemplatePath), "spec")}
	out := selectors(template, &w.Template.Spec)
	if len(out) == 0 {
		out = append(out, nist190.At(w.Object, "metadata", "name"))
	}
	return out
}

// remedy is what holds workloads of a level on nodes of their own, as a person can apply it.
func remedy(levels *sensitivity.Levels, l sensitivity.Level) string {
	name, key := levels.Name(l), levels.NodeKey()
	return fmt.Sprintf(`Keep nodes for %[1]s workloads, label and taint them (a kubelet cannot set this label itself):

kubectl label node NODE %[2]s=%[1]s
kubectl taint node NODE %[2]s=%[1]s:NoSchedule

and add to the pod templates of %[1]s workloads:

nodeSelector:
  %[2]s: %[1]s
tolerations:
- {key: %[2]s, operator: Equal, value: %[1]s, effect: NoSchedule}
`, name, key)
}
