package network

import (
	"slices"

	"github.com/nist190/nist190/inventory"
)

// truth is the answer to a question that the evidence may leave open.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Direction is the side of a connection that a rule speaks of: what may come to a pod, or where it may go.
type Direction uint8

const (
	Ingress Direction = iota
	Egress
)

func (d Direction) String() string { return [...]string{"ingress", "egress"}[d] }

// policy is a policy of any engine, brought to one form. A pod that policies select is judged tier by tier: within a
// tier the rules of the policies in their order, the first that matches deciding; what no rule of the tier decided is
// denied where a policy of the tier isolates the pod, and goes on to the next tier else. What no tier decides is
// allowed.
//
// NetworkPolicy is a tier of rules that all allow, of which the order does not matter.
type policy struct {
	object *inventory.Object // nil for one that was not seen
	name   string            // instead
	tier   tier
	order  float64 // lower first; equal ones are not ordered, and may come in any order
	dirs   [2]section
	// selects tells whether a pod is governed. It is asked once for each class of pods.
	selects func(*class) truth
	namespace
	doubt string // why it may be in effect, or not; empty where it is
}

// section is what a policy says of one direction.
type section struct {
	isolates truth
	rules    []rule
}

// namespace limits what a policy speaks of; empty for every namespace.
type namespace string

// tier is where a policy stands. The numbers leave room for the tiers that Calico lets users define, of which default has
// the order 1,000,000 (https://docs.tigera.io/calico/latest/reference/resources/tier).
type tier float64

const (
	denyTier     tier = -1        // Cilium: deny rules come before everything
	adminTier    tier = 1000      // AdminNetworkPolicy, ClusterNetworkPolicy of tier Admin
	policyTier   tier = 1_000_000 // NetworkPolicy and what stands beside it
	baselineTier tier = 10_000_000
)

// action is what a rule does.
type action uint8

const (
	allow action = iota
	deny
	pass // on to the next tier
)

func (a action) String() string { return [...]string{"allow", "deny", "pass"}[a] }

// rule is one rule of a section.
type rule struct {
	action action
	peers  []peer // nobody where there is none
	ports  portSpec
	path   []any  // in the policy's object
	doubt  string // why it may match less, or not at all
}

// portSpec is which ports a rule is about.
type portSpec struct {
	ports Ports
	named []namedPort // of the pod that is connected to
}

// namedPort is a port by its name. The protocol counts unless any is set.
type namedPort struct {
	name     string
	protocol Protocol
	any      bool
}

// peer is one kind of other end.
type peer struct {
	everybody bool
	pods      func(*class) truth
	namespace                            // of the pods, where it is one; saves asking for others
	spaces    func(*namespaceInfo) truth // of which namespaces the pods may be; nil for any; saves asking for others
	key       string                     // pods with one key and namespace are the same
	block     prefixes                   // addresses
	podless   bool                       // the block never matches pods
	hostless  bool                       // nor pods on the host's network
	names     []namePattern              // hosts that it surely is, whatever their addresses
	doubt     string
}

// world is every other end.
var world = []peer{{everybody: true}}

// sortPolicies brings policies into the order in which they are asked; equal ones by name.
func sortPolicies(ps []*policy) {
	slices.SortStableFunc(ps, func(a, b *policy) int {
		switch {
		case a.tier != b.tier:
			return compareFloat(float64(a.tier), float64(b.tier))
		case a.order != b.order:
			return compareFloat(a.order, b.order)
		}
		return a.ref().Compare(b.ref())
	})
}

func (p *policy) ref() inventory.Ref {
	if p.object == nil {
		return inventory.Ref{Name: p.name}
	}
	return p.object.Ref()
}

func compareFloat(a, b float64) int {
	if a < b {
		return -1
	}
	return 1
}
