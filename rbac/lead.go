package rbac

import (
	"slices"
)

// Target is what somebody comes to directly by a right.
type Target uint8

const (
	// Everything: all rights in the cluster, or those of every service account, among them Kubernetes' own controllers.
	Everything Target = iota + 1
	// Nodes: root on every node.
	Nodes
	// Accounts: every service account of a namespace.
	Accounts
	// Account: one service account or user.
	Account
	// Secrets: the content of every Secret of a namespace, or of all where that is empty.
	Secrets
	// NewPods: Pods of any content that admission lets pass, in a namespace.
	NewPods
	// RunningPods: a shell in every container of a namespace, or a new image in its place.
	RunningPods
)

// Lead is one step of somebody's rights, without a thought to what follows.
type Lead struct {
	To        Target
	Namespace string  // where the right is held; empty for everywhere
	Account   Subject // of the target Account
	// Vendor is who gives the subject the right where it is published to have it, such as "Kubernetes"; empty where
	// somebody else did.
	Vendor string

	subject Subject
	power   int
	named   *namedEdge
}

// Leads lists what a subject comes to directly, by itself and the groups that Kubernetes puts it into: each target of each
// namespace once, by the first right that gives it, one that no vendor publishes before one that does. Where it comes to
// Everything nothing else is listed. Cost: linear in the bindings of the subject.
func (e *Escalations) Leads(s Subject) []Lead {
	held := e.d.held(s)
	if l, ok := e.d.lead(s, held[""], "", Everything, toAdmin, toAccounts); ok {
		return []Lead{l}
	}
	var out []Lead
	add := func(l Lead, ok bool) {
		if ok {
			out = append(out, l)
		}
	}
	add(e.d.lead(s, held[""], "", Nodes, toNodes))
	for _, ns := range namespacesOf(held) {
		if ns != "" {
			add(e.d.lead(s, held[ns], ns, Accounts, toAdmin, toAccounts))
		}
		add(e.d.lead(s, held[ns], ns, Secrets))
		if ns != "" {
			add(e.d.lead(s, held[ns], ns, NewPods))
			add(e.d.lead(s, held[ns], ns, RunningPods))
		}
	}
	named := func(from Subject) {
		for _, x := range e.d.namedFrom()[from] {
			out = append(out, Lead{To: Account, Namespace: x.grant.Binding.Namespace, Account: x.to, subject: from, named: x})
		}
	}
	named(s)
	for _, g := range s.Identity().Groups {
		if group := Group(g); group != s {
			named(group)
		}
	}
	return out
}

// NewPods and RunningPods are not what a power leads to in the search for all rights, where accounts matter; these powers
// give them.
var podPowers = map[Target][]string{
	NewPods:     {"rbac-workload-write"},
	RunningPods: {"rbac-pod-exec", "rbac-pod-update", "rbac-workload-write"},
}

func (d *detector) lead(s Subject, held bits, namespace string, to Target, targets ...target) (Lead, bool) {
	out, found := Lead{To: to, Namespace: namespace, subject: s}, false
	for n, c := range d.powers {
		switch {
		case !held.has(n):
			continue
		case to == Secrets && !c.readsSecrets:
			continue
		case podPowers[to] != nil && c.leads != toAdmin && !slices.Contains(podPowers[to], c.id):
			continue
		case len(targets) > 0 && !slices.Contains(targets, c.leads):
			continue
		}
		vendor := d.published(s, c, namespace)
		if !found || vendor == "" {
			out.power, out.Vendor, found = n, vendor, true
		}
		if vendor == "" {
			break
		}
	}
	return out, found
}

// published is the vendor whose record of the subject has everything that it holds of a power in a namespace.
func (d *detector) published(s Subject, c *compiled, namespace string) string {
	vendor := ""
	for _, b := range d.access.applying(s.Identity(), namespace) {
		parts := d.parts(b.Role.Rules, c)
		if len(parts) == 0 {
			continue
		}
		i, _ := b.matches(s.Identity())
		to, _ := b.Subject(max(i, 0))
		v, ok := d.known.known(b, to, parts)
		if !ok {
			return ""
		}
		vendor = v
	}
	return vendor
}

// Hop says by which bindings and rules the subject comes to it.
func (l Lead) Hop(e *Escalations) Hop {
	if x := l.named; x != nil {
		return Hop{Subject: x.from, Check: namedAdministrator.ID, May: x.may, Namespace: l.Namespace, Grants: []Grant{x.grant}, Next: x.to}
	}
	return e.d.hop(l.subject, l.power, l.Namespace, Subject{})
}
