package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190/inventory"
)

// Connectivity is what the policies of an inventory let through, from every pod and address to every other.
//
// Answers have two bounds, since manifests leave things open: labels that controllers give, addresses that are not
// assigned yet, policies of engines that are evaluated only in part. What is certainly allowed is within what may be; where
// the two differ the answer is unknown.
//
// A connection needs the consent of both ends: egress rules of its source and ingress rules of its destination. Ports are
// those of the pod, after Services were resolved; replies are implied. It is immutable and safe for concurrent use.
//
// The algorithm puts pods into classes that no policy tells apart, folds the policies of each group of classes once over
// all peers together, as sets of bits, and combines the two directions when asked. Cost: linear in pods, plus groups
// times classes over 64.
type Connectivity struct {
	m     *model
	notes []Note
}

// Of is the connectivity of an inventory, built once. A check that uses it declares [Needs].
func Of(ctx context.Context, inv *inventory.Inventory) (*Connectivity, error) {
	return connectivity.Get(ctx, inv)
}

var connectivity = inventory.NewFact("network connectivity", func(ctx context.Context, inv *inventory.Inventory) (*Connectivity, error) {
	return connect(ctx, inv, func(b *builder, workloads []*inventory.Workload) {
		b.unseenPolicies(workloads)
		b.namedEnds()
	})
})

// asCollected takes what was collected for all there is. Checks rest on it: the runner lowers their verdicts where that is
// not so, and keeps what they would have been.
var asCollected = inventory.NewFact("network connectivity as collected", func(ctx context.Context, inv *inventory.Inventory) (*Connectivity, error) {
	return connect(ctx, inv, func(*builder, []*inventory.Workload) {})
})

func connect(ctx context.Context, inv *inventory.Inventory, unseen func(*builder, []*inventory.Workload)) (*Connectivity, error) {
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	b := newBuilder(inv, profileOf(inv, workloads))
	b.workloads = workloads
	b.registerMetadata()
	b.networkPolicies()
	b.clusterPolicies()
	b.foreignPolicies()
	unseen(b, workloads)
	m, err := newModel(ctx, b, workloads)
	if err != nil {
		return nil, err
	}
	m.services = b.services
	return &Connectivity{m, b.notes}, nil
}

// Needs are what connectivity is computed from. A policy isolates and allows, so that one which was not seen can do
// either; a pod more is an end more.
func Needs() []inventory.Need {
	return slices.Concat([]inventory.Need{
		inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either),
		inventory.NeedOf[corev1.Namespace](inventory.Either),
	}, nodeNeeds(), foreignNeeds(), inventory.WorkloadNeeds(inventory.Incriminating))
}

// Profile is what is assumed of the network plugin, with what was found out.
func (c *Connectivity) Profile() Profile { return c.m.profile }

// Notes are what policies say that could not be evaluated, or that the API server refuses.
func (c *Connectivity) Notes() []Note { return c.notes }

// Pods are the ends within the cluster, by namespace. The slice is shared and must not be modified.
func (c *Connectivity) Pods() []*Pod { return c.m.pods }

// Outside are the addresses beyond the cluster, joined where no policy tells them apart.
func (c *Connectivity) Outside() []*Addresses { return c.m.outside }

// End is one side of a connection: a pod, an address outside of the cluster, or what is known by its name.
type End struct {
	Pod   *Pod
	Addr  netip.Addr
	Named *Named
}

// Flow is a connection that somebody asks about.
type Flow struct {
	From, To End
	Protocol Protocol
	Port     uint16 // of the pod that is connected to
}

// Reachable is an answer.
type Reachable uint8

const (
	Undecided Reachable = iota
	Denied
	Allowed
)

func (a Reachable) String() string { return [...]string{"unknown", "denied", "allowed"}[a] }

// MarshalText writes the answer as String does.
func (a Reachable) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Verdict is the answer for one flow, and how it came about.
type Verdict struct {
	Answer Reachable
	// Steps are the rules and policies that had a say, those of the source first.
	Steps []Step
	// Reason is the answer in a sentence.
	Reason string
}

// Evaluate answers for one flow, by the same algorithm as [Connectivity.Edges].
func (c *Connectivity) Evaluate(f Flow) (Verdict, error) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	return c.evaluate(f)
}

func (c *Connectivity) evaluate(f Flow) (Verdict, error) {
	m := c.m
	switch {
	case f.To.Named != nil && f.To.Named.service != nil:
		return c.throughService(f)
	case f.From.Named != nil || f.To.Named != nil:
		return c.evaluateNamed(f), nil
	}
	from, err := m.number(f.From)
	if err != nil {
		return Verdict{}, err
	}
	to, err := m.number(f.To)
	if err != nil {
		return Verdict{}, err
	}
	if f.From.Pod != nil && f.From.Pod == f.To.Pod {
		return Verdict{Answer: Allowed, Reason: "a pod always reaches itself"}, nil
	}
	ports := m.ports.id(PortRange(f.Protocol, f.Port, f.Port))
	out := Verdict{}
	note := func(s Step) { out.Steps = append(out.Steps, s) }
	e, i := open, open
	if f.From.Pod != nil {
		e = m.decide(m.classes[from], Egress, to, note)
	}
	if f.To.Pod != nil {
		i = m.decide(m.classes[to], Ingress, from, note)
	}
	both := verdict{m.ports.and(m.ports.and(e.must, i.must), ports), m.ports.and(m.ports.and(e.may, i.may), ports)}
	local := no
	if f.From.Pod != nil && f.To.Pod != nil {
		local = sharesNode(f.From.Pod, f.To.Pod)
	}
	switch local {
	case yes:
		both = verdict{ports, ports}
	case maybe:
		both.may = ports
	}
	switch {
	case both.must == ports:
		out.Answer = Allowed
	case both.may == noPorts:
		out.Answer = Denied
	}
	// Only steps that speak of the port explain the answer.
	out.Steps = slices.DeleteFunc(out.Steps, func(s Step) bool { return !s.speaksOf(f.Protocol, f.Port) })
	out.Reason = out.reason(m.ports.and(e.may, ports) != noPorts, local)
	return out, nil
}

func (m *model) decide(c *class, d Direction, peer int, note func(Step)) verdict {
	cells := m.fold(c, d, span(peer, peer+1), m.in[d][c.index].policies, note)
	for _, x := range cells {
		if x.peers.has(peer) {
			return x.verdict
		}
	}
	return closed
}

func (m *model) number(e End) (int, error) {
	if e.Pod != nil {
		return e.Pod.class, nil
	}
	n, ok := m.externalOf(e.Addr)
	if !ok {
		return 0, fmt.Errorf("address %v", e.Addr)
	}
	return n, nil
}

// sharesNode tells whether the source has the network of the node that the destination runs on: what comes from there
// is let through whatever policies say (k8s.io/api/networking/v1, NetworkPolicySpec.Ingress).
func sharesNode(from, to *Pod) truth {
	switch {
	case !from.Host() || to.Host():
		return no
	case from.Node == "" || to.Node == "":
		return maybe
	}
	return truthOf(from.Node == to.Node)
}

// reason puts the steps that matter into a sentence.
func (v *Verdict) reason(mayLeave bool, local truth) string {
	steps := func(want func(Step) bool) string {
		var out []string
		for _, s := range v.Steps {
			if want(s) {
				out = append(out, s.String())
			}
		}
		return strings.Join(out, "; ")
	}
	every := func(Step) bool { return true }
	switch {
	case local == yes:
		return "it comes from the pod's own node"
	case v.Answer == Allowed && len(v.Steps) == 0:
		return "no policy governs either end"
	case v.Answer == Denied && !mayLeave:
		return "the source may not: " + steps(func(s Step) bool { return s.Direction == Egress })
	case v.Answer == Denied:
		return "the destination does not let it in: " + steps(func(s Step) bool { return s.Direction == Ingress })
	case v.Answer == Undecided && local == maybe:
		return strings.TrimPrefix(steps(every)+"; both may be on one node, from which everything is let through", "; ")
	}
	return steps(every)
}
