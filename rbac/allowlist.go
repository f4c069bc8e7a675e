package rbac

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// AllowedGrant is a set of permissions that is meant to exist.
type AllowedGrant struct {
	Subjects   []Subject           `json:"subjects"`
	Namespaces []string            `json:"namespaces,omitempty"` // globs; none means cluster-wide
	Rules      []rbacv1.PolicyRule `json:"rules"`
	Reason     string              `json:"reason,omitempty"`
	Expires    nist190.Date        `json:"expires,omitzero"` // meant to exist through this day
}

// Allowlist is what a cluster is meant to grant: everything else that it grants is too much. An empty list allows nothing, a
// nil one is no list.
type Allowlist []AllowedGrant

func (l Allowlist) String() string { return fmt.Sprintf("%d grants", len(l)) }

// Allowed attaches the allowlist to an inventory.
var Allowed = inventory.NewSetting("allowlist", Allowlist(nil))

// Excess is what a binding gives one of its subjects and the allowlist does not have.
type Excess struct {
	Binding *Binding
	Subject int
	Rules   []rbacv1.PolicyRule // few rules that allow exactly as much
	// Expired are the entries that would allow some of it and are over, by index.
	Expired []int
}

// To is the subject.
func (x Excess) To() Subject {
	s, _ := x.Binding.Subject(x.Subject)
	return s
}

// Unused is a part of the allowlist that nothing in the cluster needs.
type Unused struct {
	Entry     int
	Subject   Subject
	Namespace string              // the glob; empty for cluster-wide
	Rules     []rbacv1.PolicyRule // of the entry, those that match nothing
	// Whole: no rule matches anything, for no subject and in no namespace.
	Whole bool
}

// Compare holds what is granted against the list: what it does not have, by binding and subject, and what of it nothing
// needs, by entry, subject and namespace. A permission is in the list if one rule of an entry for the subject, or for a group
// that Kubernetes puts it into, covers it as the API server decides it for roles ([Covers]): no enumeration covers "*". What
// Kubernetes and kubeadm give their own accounts is meant to exist without being listed; what vendors give theirs is not.
//
// A part of the list is in use as long as something is granted that overlaps with it. Cost: each distinct role is compared
// once with each distinct choice of entries; beyond that, linear in subjects of bindings.
func (l Allowlist) Compare(a *Access, now time.Time) (outside []Excess, unused []Unused) {
	c := newComparison(l, a, now)
	for _, b := range a.bindings {
		if !b.InEffect() {
			continue
		}
		for i := range b.Subjects {
			s, ok := b.Subject(i)
			if !ok || s == Group(masters) || slices.ContainsFunc(b.Subjects[:i], func(o rbacv1.Subject) bool { t, _ := subjectOf(&o, b.Namespace); return t == s }) {
				continue // masters have everything without it
			}
			if missing := c.of(b, s); len(missing) > 0 {
				x := Excess{Binding: b, Subject: i, Rules: pack(missing)}
				x.Expired = c.expired(s, b.Namespace, missing)
				outside = append(outside, x)
			}
		}
	}
	return outside, c.unused()
}

// comparison is a list against an access.
type comparison struct {
	access    *Access
	known     *profiles
	entries   []*listed
	bySubject map[Subject][]place
	over      map[Subject][]place // of entries that are over
	roles     map[roleScope]*roleTuples
	verdicts  map[string]*verdict
}

// listed is an entry on its way.
type listed struct {
	*AllowedGrant
	tuples  []tuple
	literal map[string]int // of its namespaces
	globs   []int
	live    map[liveKey][]bool // by tuple
}

type liveKey struct{ subject, namespace int } // namespace -1: cluster-wide

// place is where an entry names a subject.
type place struct {
	entry, subject int
	// within: the entry is for namespaces and what it is held against is for all of them, so that it can be in use but does
	// not cover.
	within bool
}

type roleScope struct {
	role       *Role
	namespaced bool
}

type roleTuples struct {
	number int
	tuples []tuple
}

type verdict struct {
	missing []tuple
	live    [][]bool // by applicable entry
}

func newComparison(l Allowlist, a *Access, now time.Time) *comparison {
	c := &comparison{access: a, known: profilesOf(a.minor), bySubject: map[Subject][]place{}, over: map[Subject][]place{},
		roles: map[roleScope]*roleTuples{}, verdicts: map[string]*verdict{}}
	for i := range l {
		e := &listed{AllowedGrant: &l[i], literal: map[string]int{}, live: map[liveKey][]bool{}}
		for r := range e.Rules {
			breakdown(&e.Rules[r], func(t *tuple) { e.tuples = append(e.tuples, *t) })
		}
		e.tuples = minimal(e.tuples)
		for n, glob := range e.Namespaces {
			if strings.ContainsAny(glob, `*?[\`) {
				e.globs = append(e.globs, n)
			} else {
				e.literal[glob] = n
			}
		}
		to := c.bySubject
		if e.Expires.Past(now) {
			to = c.over
		}
		for j, s := range e.Subjects {
			s = s.canonical()
			to[s] = append(to[s], place{entry: i, subject: j})
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// canonical is the one Subject that stands for it.
func (s Subject) canonical() Subject {
	if s.Kind == rbacv1.UserKind {
		return User(s.Name)
	}
	return s
}

// in lists the namespaces of an entry that a namespace is one of: -1 where it holds everywhere. All namespaces at once are
// all of them.
func (e *listed) in(namespace string) []int {
	if len(e.Namespaces) == 0 {
		return []int{-1}
	}
	var out []int
	if namespace == "" {
		for n := range e.Namespaces {
			out = append(out, n)
		}
		return out
	}
	if n, ok := e.literal[namespace]; ok {
		out = append(out, n)
	}
	for _, n := range e.globs {
		if ok, _ := path.Match(e.Namespaces[n], namespace); ok {
			out = append(out, n)
		}
	}
	return out
}

// applicable lists where entries name a subject or a group of it and hold in a namespace, or somewhere where that is empty.
func (c *comparison) applicable(of map[Subject][]place, s Subject, namespace string) []place {
	var out []place
	add := func(s Subject) {
		for _, p := range of[s] {
			if e := c.entries[p.entry]; len(e.in(namespace)) > 0 {
				p.within = namespace == "" && len(e.Namespaces) > 0
				out = append(out, p)
			}
		}
	}
	add(s)
	for _, g := range s.Identity().Groups {
		if group := Group(g); group != s {
			add(group)
		}
	}
	return out
}

// of is what a binding gives a subject beyond the list; it marks what of the list is used.
func (c *comparison) of(b *Binding, s Subject) []tuple {
	scope := roleScope{b.Role, b.Namespace != ""}
	r, ok := c.roles[scope]
	if !ok {
		r = &roleTuples{len(c.roles), minimal(tuplesOf(b.Role.Rules, b.Namespace))}
		c.roles[scope] = r
	}
	applicable := c.applicable(c.bySubject, s, b.Namespace)
	var key strings.Builder
	fmt.Fprint(&key, r.number)
	for _, p := range applicable {
		fmt.Fprintf(&key, " %d", p.entry) // within follows from the scope of the role
	}
	v, ok := c.verdicts[key.String()]
	if !ok {
		v = c.judge(r.tuples, applicable)
		c.verdicts[key.String()] = v
	}
	for i, p := range applicable {
		e := c.entries[p.entry]
		for _, n := range e.in(b.Namespace) {
			k := liveKey{p.subject, n}
			if e.live[k] == nil {
				e.live[k] = make([]bool, len(e.tuples))
			}
			for j, live := range v.live[i] {
				e.live[k][j] = e.live[k][j] || live
			}
		}
	}
	if len(v.missing) == 0 {
		return nil
	}
	return c.beyondOwn(b, s, v.missing)
}

func (c *comparison) judge(held []tuple, applicable []place) *verdict {
	v := &verdict{live: make([][]bool, len(applicable))}
	for i, p := range applicable {
		v.live[i] = make([]bool, len(c.entries[p.entry].tuples))
	}
	for i := range held {
		covered := false
		for j, p := range applicable {
			for k := range c.entries[p.entry].tuples {
				t := &c.entries[p.entry].tuples[k]
				covered = covered || !p.within && t.covers(&held[i])
				v.live[j][k] = v.live[j][k] || t.overlaps(&held[i])
			}
		}
		if !covered {
			v.missing = append(v.missing, held[i])
		}
	}
	return v
}

// beyondOwn leaves out what Kubernetes and kubeadm give their own accounts.
func (c *comparison) beyondOwn(b *Binding, s Subject, tuples []tuple) []tuple {
	if c.known.subjects[s] == nil {
		return tuples
	}
	var out []tuple
	for i := range tuples {
		if !c.known.builtIn(b, s, &tuples[i]) {
			out = append(out, tuples[i])
		}
	}
	return out
}

// builtIn reports whether Kubernetes or kubeadm gives a subject what a tuple of a binding does.
func (ps *profiles) builtIn(b *Binding, s Subject, t *tuple) bool {
	vendor, ok := ps.known(b, s, []part{{tuples: []rbacv1.PolicyRule{t.rule()}}})
	return ok && (vendor == "Kubernetes" || vendor == "kubeadm")
}

// expired are the entries that are over and overlap with what is missing.
func (c *comparison) expired(s Subject, namespace string, missing []tuple) []int {
	var out []int
	for _, p := range c.applicable(c.over, s, namespace) {
		e := c.entries[p.entry]
		if slices.ContainsFunc(missing, func(t tuple) bool {
			return slices.ContainsFunc(e.tuples, func(u tuple) bool { return u.overlaps(&t) })
		}) {
			out = append(out, p.entry)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *comparison) unused() []Unused {
	var out []Unused
	for i, e := range c.entries {
		whole := true
		for _, live := range e.live {
			whole = whole && !slices.Contains(live, true)
		}
		namespaces := []int{-1}
		if len(e.Namespaces) > 0 {
			namespaces = namespaces[:0]
			for n := range e.Namespaces {
				namespaces = append(namespaces, n)
			}
		}
		for j, s := range e.Subjects {
			for _, n := range namespaces {
				var dead []tuple
				live := e.live[liveKey{j, n}]
				for k, t := range e.tuples {
					if live == nil || !live[k] {
						dead = append(dead, t)
					}
				}
				if len(dead) > 0 {
					u := Unused{Entry: i, Subject: s.canonical(), Rules: pack(dead), Whole: whole}
					if n >= 0 {
						u.Namespace = e.Namespaces[n]
					}
					out = append(out, u)
				}
			}
		}
	}
	return out
}
