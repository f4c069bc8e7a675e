package rbac

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
)

// effects is what the rules of an Access come to in terms of the powers: computed once for each distinct list of rules,
// however many roles carry it, and then joined along bindings.
type effects struct {
	*table
	access *Access

	sets   map[*Role]*ruleSet
	byRole [][]*Role // by power: the roles that have it alone, in the order of the access
	known  *profiles
}

// table is the powers for one Kubernetes version.
type table struct {
	powers []*compiled
	number map[string]int // of powers, by check
	atoms  *atoms
}

// tableOf is made once for each minor and shared.
var tableOf = perMinor(newTable)

func newTable(minor int) *table {
	t := &table{number: map[string]int{}, atoms: newAtoms()}
	for i := range powers {
		p := &powers[i]
		c := &compiled{power: p, number: i}
		for _, asks := range p.clauses {
			var clause bits
			for j := range asks {
				if asks[j].below == 0 || minor < asks[j].below {
					any := t.atoms.of(&asks[j])
					clause.add(&any)
				}
			}
			c.clauses = append(c.clauses, clause)
			c.all.add(&clause)
		}
		t.number[p.id] = i
		t.powers = append(t.powers, c)
	}
	for _, c := range t.powers {
		for _, id := range c.power.saidBy {
			c.saidBy.set(t.number[id])
		}
		if n := t.number[unlimited]; c.number != n {
			c.saidBy.set(n)
		}
	}
	return t
}

// perMinor keeps what derives from the module's own data and a Kubernetes minor alone.
func perMinor[T any](compute func(minor int) T) func(minor int) T {
	var mu sync.Mutex
	kept := map[int]T{}
	return func(minor int) T {
		mu.Lock()
		defer mu.Unlock()
		v, ok := kept[minor]
		if !ok {
			v = compute(minor)
			kept[minor] = v
		}
		return v
	}
}

// compiled is a power for one Kubernetes version.
type compiled struct {
	*power
	number  int
	clauses []bits
	all     bits // of the clauses
	saidBy  bits
}

// ruleSet is what one list of rules gives.
type ruleSet struct {
	atoms bits
	// Powers that the rules have by themselves, in all namespaces or in one, and those of them that no other of them says.
	cluster, local         bits
	saysCluster, saysLocal bits
}

func newEffects(a *Access) *effects {
	e := &effects{table: tableOf(a.minor), access: a, sets: map[*Role]*ruleSet{}, known: profilesOf(a.minor)}
	e.byRole = make([][]*Role, len(e.powers))
	byRules := map[string]*ruleSet{}
	for _, r := range a.roles {
		if len(r.bindings) == 0 {
			continue
		}
		key := rulesKey(r.Rules)
		set, ok := byRules[key]
		if !ok {
			set = e.evaluate(r.Rules)
			byRules[key] = set
		}
		e.sets[r] = set
		for n := range e.powers {
			if set.cluster.has(n) || set.local.has(n) {
				e.byRole[n] = append(e.byRole[n], r)
			}
		}
	}
	return e
}

func rulesKey(rules []rbacv1.PolicyRule) string {
	var b strings.Builder
	for i := range rules {
		writeRule(&b, &rules[i])
		b.WriteByte(2)
	}
	return b.String()
}

func (e *effects) evaluate(rules []rbacv1.PolicyRule) *ruleSet {
	s := &ruleSet{}
	for i := range rules {
		held := e.atoms.heldBy(&rules[i])
		s.atoms.add(&held)
	}
	for n, c := range e.powers {
		if c.rules != nil && len(c.rules(rules)) > 0 || c.rules == nil && c.satisfied(&s.atoms) {
			s.cluster.set(n)
			if !c.clusterOnly {
				s.local.set(n)
			}
		}
	}
	for n, c := range e.powers {
		if s.cluster.has(n) && !s.cluster.meets(&c.saidBy) {
			s.saysCluster.set(n)
		}
		if s.local.has(n) && !s.local.meets(&c.saidBy) {
			s.saysLocal.set(n)
		}
	}
	return s
}

func (c *compiled) satisfied(held *bits) bool {
	for i := range c.clauses {
		if !held.meets(&c.clauses[i]) {
			return false
		}
	}
	return len(c.clauses) > 0
}

// has reports whether a binding alone gives a power, and whether nothing else that it gives says so.
func (e *effects) has(b *Binding, n int) (held, says bool) {
	set := e.sets[b.Role]
	if set == nil {
		return false, false
	}
	if b.Namespace == "" {
		return set.cluster.has(n), set.saysCluster.has(n)
	}
	return set.local.has(n), set.saysLocal.has(n)
}

// part is what the rules of a role contribute to a power: of each rule, only the verbs and resources that count.
type part struct {
	rule   int
	tuples []rbacv1.PolicyRule
}

func (e *effects) parts(rules []rbacv1.PolicyRule, c *compiled) []part {
	var out []part
	if c.rules != nil {
		for _, i := range c.rules(rules) {
			out = append(out, part{i, rules[i : i+1]})
		}
		return out
	}
	for i := range rules {
		held := e.atoms.heldBy(&rules[i])
		if !held.meets(&c.all) {
			continue
		}
		p := part{rule: i}
		breakdown(&rules[i], func(t *tuple) {
			if t.isURL {
				return
			}
			r := t.rule()
			if held := e.atoms.heldBy(&r); held.meets(&c.all) {
				p.tuples = append(p.tuples, r)
			}
		})
		out = append(out, p)
	}
	return out
}

// union is what a subject holds through itself and the groups that Kubernetes puts it into.
type union struct {
	subject Subject
	own     []*Binding
	all     []*Binding
}

func (e *effects) unionOf(s Subject) union {
	return union{s, e.access.BindingsOf(s), e.access.AllBindingsOf(s)}
}

// combined tells where several bindings together give a power that none of them gives alone: the bindings that
// contribute, and the namespace, empty for everywhere. Bindings that have the power alone are left out, and one of those
// that contribute must name the subject itself, so that what more bindings would add takes no finding away.
func (e *effects) combined(u *union, c *compiled) (contributing []*Binding, namespace string, ok bool) {
	if c.rules != nil || len(c.clauses) < 2 {
		return nil, "", false
	}
	part := func(b *Binding) *bits {
		set := e.sets[b.Role]
		if set == nil || !set.atoms.meets(&c.all) || satisfiedIn(set, b, c) {
			return nil
		}
		return &set.atoms
	}
	var everywhere bits
	for _, b := range u.all {
		if p := part(b); p != nil && b.Namespace == "" {
			everywhere.add(p)
		}
	}
	holds := func(namespace string) bool {
		held, own := everywhere, false
		contributing = nil
		for _, b := range u.all {
			p := part(b)
			if p == nil || b.Namespace != "" && b.Namespace != namespace {
				continue
			}
			held.add(p)
			contributing = append(contributing, b)
			own = own || slices.Contains(u.own, b)
		}
		return own && c.satisfied(&held)
	}
	if holds("") {
		return contributing, "", true
	}
	if c.clusterOnly {
		return nil, "", false
	}
	last := ""
	for _, b := range u.all { // local ones come by namespace for each posting
		if b.Namespace == "" || b.Namespace == last || part(b) == nil {
			continue
		}
		if last = b.Namespace; holds(last) {
			return contributing, last, true
		}
	}
	return nil, "", false
}

func satisfiedIn(set *ruleSet, b *Binding, c *compiled) bool {
	if b.Namespace == "" {
		return set.cluster.has(c.number)
	}
	return set.local.has(c.number)
}

// held are the powers of a subject, by namespace; "" for those that it has everywhere, which are not repeated.
func (e *effects) held(s Subject) map[string]bits {
	u := e.unionOf(s)
	atomsIn, out := map[string]bits{}, map[string]bits{}
	for _, b := range u.all {
		set := e.sets[b.Role]
		if set == nil {
			continue
		}
		have, powers := atomsIn[b.Namespace], out[b.Namespace]
		have.add(&set.atoms)
		if b.Namespace == "" {
			powers.add(&set.cluster)
		} else {
			powers.add(&set.local)
		}
		atomsIn[b.Namespace], out[b.Namespace] = have, powers
	}
	everywhere := atomsIn[""]
	for ns, have := range atomsIn {
		powers := out[ns]
		have.add(&everywhere)
		for n, c := range e.powers {
			if c.rules == nil && len(c.clauses) > 1 && (ns == "" || !c.clusterOnly) && c.satisfied(&have) {
				powers.set(n)
			}
		}
		out[ns] = powers
	}
	return out
}

// namespacesOf lists where a map by namespace has something, in order.
func namespacesOf[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for ns := range m {
		out = append(out, ns)
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
