package rbac

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190/inventory"
)

// Escalations tells what somebody can make of the rights that they hold: by becoming an account that has more, and from
// there the next, until all rights, a node, or somebody else's Secrets are had.
//
// It follows the rights that the checks of this package report, those of Kubernetes' own accounts and of vendors
// included. A namespace stands for all service accounts that bindings name in it: whoever may create Pods, use their
// shell or mint tokens there can be any of them. Ways are shortest ways. Where Pods land, and what else is on those
// nodes, is the question of package nodetrust; here taking one node is an end.
//
// It is immutable and safe for concurrent use. Cost: building it is linear in bindings; a question costs the length of
// its answer, but for [Escalations.ToSecrets], which searches anew.
type Escalations struct{ d *detector }

// EscalationsOf is built once per inventory, on the same facts as the checks. A check that uses it declares [AccessNeeds].
func EscalationsOf(ctx context.Context, inv *inventory.Inventory) (*Escalations, error) {
	d, err := detections.Get(ctx, inv)
	if err != nil {
		return nil, err
	}
	return &Escalations{d}, nil
}

// Hop is one step of an escalation.
type Hop struct {
	Subject Subject
	Check   string // the check that reports the right
	May     string // "create Pods", as findings word it
	// Namespace is where the right is held; empty for everywhere.
	Namespace string
	// Grants are the bindings and rules that give the right: one, or several that give it together.
	Grants []Grant
	// Next is whom the subject becomes; the zero Subject where the right itself is the end.
	Next Subject
}

func (h Hop) String() string {
	where := "in the cluster"
	if h.Namespace != "" {
		where = fmt.Sprintf("in namespace %q", h.Namespace)
	}
	s := fmt.Sprintf("%s may %s %s", h.Subject, h.May, where)
	if h.Next != (Subject{}) && h.Check != namedAdministrator.ID {
		s += fmt.Sprintf(" and so be %s", h.Next)
	}
	return s
}

// ToAdmin is the shortest way of a subject to all rights in the cluster; nil where RBAC opens none. Members of
// system:masters are there without a step.
func (e *Escalations) ToAdmin(s Subject) []Hop { return e.d.way(e.d.reach, s) }

// ToSecrets finds who can come to the Secrets of any of some namespaces, and how: by reading them, or by becoming an
// account there. Cost: linear in bindings.
func (e *Escalations) ToSecrets(namespaces ...string) *Ways {
	targets := map[string]bool{}
	for _, ns := range namespaces {
		targets[ns] = true
	}
	return &Ways{e.d, newReach(e.d.effects, e.d.named, e.d.secretsOf(targets))}
}

// Ways are the shortest ways of everybody to one end.
type Ways struct {
	d     *detector
	reach *reach
}

// From is the way of a subject; nil where there is none.
func (w *Ways) From(s Subject) []Hop { return w.d.way(w.reach, s) }

func (d *detector) way(r *reach, s Subject) []Hop {
	var out []Hop
	for {
		st, ok := r.steps[s]
		if !ok {
			return d.asMember(r, s)
		}
		if x := st.named; x != nil {
			out = append(out, Hop{Subject: s, Check: namedAdministrator.ID, May: x.may, Namespace: st.namespace, Grants: []Grant{x.grant}, Next: st.next})
		} else {
			out = append(out, d.hop(s, st.power, st.namespace, st.next))
		}
		if st.next == (Subject{}) {
			return out
		}
		s = st.next
	}
}

// asMember is the way as one of the groups that Kubernetes puts a subject into, for one whom no binding names.
func (d *detector) asMember(r *reach, s Subject) []Hop {
	for _, g := range s.Identity().Groups {
		if group := Group(g); group != s {
			if _, ok := r.steps[group]; ok {
				return d.way(r, group)
			}
		}
	}
	return nil
}

// ToNode is the shortest way of a subject to root on a node; nil where RBAC opens none.
func (e *Escalations) ToNode(s Subject) []Hop {
	if n, ok := e.d.leading(e.d.held(s)[""], toNodes); ok {
		return []Hop{e.d.hop(s, n, "", Subject{})}
	}
	return e.ToAdmin(s)
}

// Administrators lists, in order, everybody from whom all rights can be had, and in how many steps.
func (e *Escalations) Administrators() []Administrator {
	out := make([]Administrator, 0, len(e.d.reach.steps))
	for s, st := range e.d.reach.steps {
		out = append(out, Administrator{s, st.distance})
	}
	slices.SortFunc(out, func(a, b Administrator) int { return a.Subject.Compare(b.Subject) })
	return out
}

// Administrator is somebody from whom all rights can be had.
type Administrator struct {
	Subject Subject
	Steps   int
}

// Account is the account of a namespace, if there is one, from which all rights can be had.
func (e *Escalations) Account(namespace string) (Subject, bool) {
	return e.d.reach.privileged(namespace)
}

// reading finds a power that reads Secrets.
func (e *effects) reading(held bits) (int, bool) {
	for n, c := range e.powers {
		if c.readsSecrets && held.has(n) {
			return n, true
		}
	}
	return 0, false
}

func (d *detector) hop(s Subject, power int, namespace string, next Subject) Hop {
	c := d.powers[power]
	return Hop{Subject: s, Check: c.id, May: c.may, Namespace: namespace, Grants: d.witness(s, c, namespace), Next: next}
}

// witness finds what gives a subject a power: one binding that does alone, else all that contribute.
func (d *detector) witness(s Subject, c *compiled, namespace string) []Grant {
	id := s.Identity()
	var together []Grant
	for _, b := range d.access.applying(id, namespace) {
		held, _ := d.has(b, c.number)
		set := d.sets[b.Role]
		if !held && (c.rules != nil || set == nil || !set.atoms.meets(&c.all)) {
			continue
		}
		subject, via := b.matches(id)
		var grants []Grant
		for _, p := range d.parts(b.Role.Rules, c) {
			grants = append(grants, Grant{Binding: b, Subject: subject, Group: via, Rule: p.rule})
		}
		if held {
			return grants
		}
		together = append(together, grants...)
	}
	return together
}
