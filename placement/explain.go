package placement

import (
	"fmt"
	"iter"
	"slices"

	"github.com/nist190/nist190/inventory"
)

// Nodes lists the nodes by name, then the pools.
func (f *Feasibility) Nodes() []*Node { return f.nodes }

// Placements lists the workloads in the order of inventory.WorkloadsOf.
func (f *Feasibility) Placements() []*Placement { return f.placements }

// Of is the placement of the workload that r names, whatever the version in r; nil where there is none.
func (f *Feasibility) Of(r inventory.Ref) *Placement { return f.byRef[r.Identity()] }

// Node finds a node or a pool by its name.
func (f *Feasibility) Node(name string) *Node { return f.byName[name] }

// On answers for one node.
func (p *Placement) On(n *Node) Answer {
	switch {
	case p.certain.has(n.index):
		return Can
	case p.possible.has(n.index):
		return Undetermined
	}
	return Cannot
}

// Nodes iterates over the nodes of f that are not excluded.
func (p *Placement) Nodes(f *Feasibility) iter.Seq2[*Node, Answer] {
	return func(yield func(*Node, Answer) bool) {
		for _, n := range f.nodes {
			if a := p.On(n); a != Cannot && !yield(n, a) {
				return
			}
		}
	}
}

// Explanation says why a workload can or cannot land on a node.
type Explanation struct {
	Answer  Answer
	Refusal *Refusal // the first rule that refuses, unless the answer is Can
	// Doubts tell what was not seen.
	Doubts []string
	// Passing is a taint or a cordon that keeps the pod off at this moment and is not counted, since it passes.
	Passing *Refusal
}

func (e *Explanation) String() string {
	out := e.Answer.String()
	if e.Refusal != nil {
		out += ": " + e.Refusal.String()
	}
	for _, d := range e.Doubts {
		out += "; " + d
	}
	if e.Passing != nil {
		out += "; at this moment " + e.Passing.String() + ", which passes and is not counted"
	}
	return out
}

func (r *Refusal) String() string {
	out := r.Plugin + ": " + r.Reason
	if r.Detail != "" {
		out += " (" + r.Detail + ")"
	}
	return out
}

// Explain answers for a workload and a node: where a workload has pods that differ, the pods that can land decide, then
// those of which it is not known.
func (f *Feasibility) Explain(p *Placement, n *Node) Explanation {
	out := Explanation{Answer: p.On(n), Doubts: p.Doubts}
	var of *podClass
	for _, c := range p.classes {
		if of == nil || c.on(n) > of.on(n) {
			of = c
		}
	}
	if of == nil {
		return out
	}
	switch out.Answer {
	case Cannot:
		out.Refusal = of.refuse(n, true)
	case Undetermined:
		out.Refusal = of.refuse(n, false)
	}
	if out.Answer != Cannot && !f.b.profile.Now {
		now := *of.demand
		now.now = true
		if r := now.refuse(n, true); r != nil {
			out.Passing = r
		}
	}
	return out
}

// on ranks the answer of a class: what can most is what explains.
func (c *podClass) on(n *Node) int {
	switch {
	case c.certain.has(n.index):
		return 2
	case c.possible.has(n.index):
		return 1
	}
	return 0
}

// Find is the placement of a workload, or of one pod that a workload owns, by what that pod asks. An empty kind is any.
func (f *Feasibility) Find(kind, namespace, name string) (*Placement, error) {
	var found []*Placement
	is := func(o *inventory.Object) bool {
		return o.Name() == name && o.Namespace() == namespace && (kind == "" || kind == o.Ref().Kind)
	}
	for _, p := range f.placements {
		if is(p.Workload.Object) {
			found = append(found, p)
			continue
		}
		if i := slices.IndexFunc(p.pods, func(x podOf) bool { return is(x.object) }); i >= 0 {
			c := p.pods[i].class
			one := *p
			one.Doubts, one.classes, one.certain, one.possible = c.doubtful(), []*podClass{c}, c.certain, c.possible
			found = append(found, &one)
		} else if slices.ContainsFunc(p.Workload.Pods, func(x inventory.WorkloadPod) bool { return is(x.Object) }) {
			found = append(found, p) // of a DaemonSet, or ended
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no workload or pod %q in namespace %q", name, namespace)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q in namespace %q is %s and %s: name the kind", name, namespace, found[0].Workload.Ref().Kind, found[1].Workload.Ref().Kind)
}
