package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// reach is the graph of who can become whom, seen from its end: everybody from whom all rights can be had, how far away
// they are and by which step. Its edges are the powers that lead somewhere: a subject can become every service account
// of the namespaces that it holds such a power in, and has what the groups of its kind have. Namespaces stand between
// subjects, so that the graph has an edge for each binding and not for each pair of accounts; rights to become one account
// by name are edges of their own.
//
// It is a breadth-first search back from the powers that need no further step, so that each way is a shortest one. Cost:
// linear in bindings.
type reach struct {
	steps map[Subject]step
	// inside is the nearest account of a namespace; any of its pods, or whoever may make one, can be it.
	inside map[string]Subject
	// into are the subjects that can become every account of a namespace by a right that they hold in it.
	into map[string][]edge
	// everywhere is set where every service account of every namespace has all rights through a group.
	everywhere bool
}

// edge is a subject with a power that leads on.
type edge struct {
	from  Subject
	power int
}

// step is how a subject comes nearer: with a power, in a namespace ("" for everywhere), as an account of that namespace,
// which is empty where the power itself is the end; or by a right to become that one by name.
type step struct {
	power     int
	named     *namedEdge
	namespace string
	next      Subject
	distance  int
}

// end says which of its powers, by namespace, brings a subject there without becoming anybody else.
func newReach(e *effects, named []namedEdge, end func(held map[string]bits) (power int, namespace string, ok bool)) *reach {
	r := &reach{steps: map[Subject]step{}, inside: map[string]Subject{}, into: map[string][]edge{}}
	to, in := byTarget(named)
	members := e.membersOf(named)
	var level []Subject
	for _, s := range e.access.subjects {
		if s == Group(masters) {
			continue
		}
		held := e.held(s)
		for _, ns := range namespacesOf(held) {
			if n, ok := e.leading(held[ns], toAdmin, toAccounts); ok && ns != "" {
				r.into[ns] = append(r.into[ns], edge{s, n})
			}
		}
		if n, ns, ok := end(held); ok {
			r.steps[s] = step{power: n, namespace: ns, distance: 1}
			level = append(level, s)
		}
	}
	for distance := 2; len(level) > 0; distance++ {
		var namespaces []string
		host := func(ns string, s Subject) {
			if _, seen := r.inside[ns]; !seen {
				r.inside[ns] = s
				namespaces = append(namespaces, ns)
			}
		}
		var next []Subject
		take := func(s Subject, st step) {
			if _, seen := r.steps[s]; !seen {
				r.steps[s] = st
				next = append(next, s)
			}
		}
		become := func(s Subject, edges []namedEdge) {
			for i := range edges {
				x := &edges[i]
				st := step{named: x, namespace: x.grant.Binding.Namespace, next: s, distance: distance}
				take(x.from, st)
				for _, m := range members[x.from] {
					take(m, st)
				}
			}
		}
		for _, s := range level {
			become(s, to[s])
			switch {
			case s.Kind == rbacv1.ServiceAccountKind:
				host(s.Namespace, s)
			case s == Group(allAuthenticated) || s == Group(allServiceAccounts):
				r.everywhere = true
				for _, ns := range namespacesOf(r.into) {
					host(ns, s)
				}
				if s == Group(allAuthenticated) {
					become(s, named)
				} else {
					for _, ns := range namespacesOf(in) {
						become(s, in[ns])
					}
				}
			default:
				if ns, ok := s.accountsOf(); ok {
					host(ns, s)
					become(s, in[ns])
				}
			}
		}
		for _, ns := range namespaces {
			for _, from := range r.into[ns] {
				take(from.from, step{power: from.power, namespace: ns, next: r.inside[ns], distance: distance})
			}
		}
		level = next
		slices.SortFunc(level, Subject.Compare)
	}
	return r
}

// allRights ends where a power that leads on is held everywhere: the accounts of Kubernetes' controllers are among those
// that one can become.
func (e *effects) allRights(held map[string]bits) (int, string, bool) {
	n, ok := e.leading(held[""], toAdmin, toAccounts)
	return n, "", ok
}

// secretsOf ends where the Secrets of one of the namespaces can be read, or its accounts become.
func (e *effects) secretsOf(namespaces map[string]bool) func(held map[string]bits) (int, string, bool) {
	return func(held map[string]bits) (int, string, bool) {
		for _, ns := range namespacesOf(held) {
			if ns != "" && !namespaces[ns] {
				continue
			}
			if n, ok := e.leading(held[ns], toAdmin, toAccounts); ok {
				return n, ns, true
			}
			if n, ok := e.reading(held[ns]); ok {
				return n, ns, true
			}
		}
		return 0, "", false
	}
}

// leading finds the first power of a set that leads to one of the targets.
func (e *effects) leading(held bits, to ...target) (int, bool) {
	for n, c := range e.powers {
		if held.has(n) && slices.Contains(to, c.leads) {
			return n, true
		}
	}
	return 0, false
}

// privileged is the account, if any, through which whoever can become every account of a namespace has all rights.
func (r *reach) privileged(namespace string) (Subject, bool) {
	if namespace == "" {
		return Subject{}, false
	}
	s, ok := r.inside[namespace]
	if !ok && r.everywhere {
		return Group(allServiceAccounts), true
	}
	return s, ok
}

// accountsOf is the namespace of a group of service accounts.
func (s Subject) accountsOf() (string, bool) {
	const prefix = allServiceAccounts + ":"
	if s.Kind != rbacv1.GroupKind || len(s.Name) <= len(prefix) || s.Name[:len(prefix)] != prefix {
		return "", false
	}
	return s.Name[len(prefix):], true
}
