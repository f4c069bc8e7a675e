package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// ask is a set of requests of which any one will do: each verb on each resource ("pods/exec" for a subresource) of a
// group.
type ask struct {
	group     string
	resources []string
	verbs     []string
	// names are those of objects that are as good as all: a rule limited to one of them counts. anyName: whatever a rule is
	// limited to, it counts.
	names   []string
	anyName bool
	// prefix stands for all verbs that begin with it, on anything; verbs, group and resources are then empty.
	prefix string
	// below is the first Kubernetes 1.x minor in which the requests no longer do it; 0 for none.
	below int
}

// atom is one request of an ask.
type atom struct {
	verb, group, resource, subresource string
	names                              []string
	anyName                            bool
	prefix                             string
}

// unnamed are the verbs of requests that can name no object. A rule limited to the name "" allows them.
var unnamed = []string{"create", "list", "watch", "deletecollection"}

// heldBy reports whether a rule allows the request for every object there is.
func (t *atom) heldBy(r *rbacv1.PolicyRule) bool {
	if t.prefix != "" {
		return len(r.Resources) > 0 && slices.ContainsFunc(r.Verbs, func(v string) bool { return v == rbacv1.VerbAll || strings.HasPrefix(v, t.prefix) })
	}
	return hasOrAll(r.Verbs, t.verb) && hasOrAll(r.APIGroups, t.group) && matchResources(r.Resources, t.resource, t.subresource) && t.named(r.ResourceNames)
}

func (t *atom) named(names []string) bool {
	switch {
	case len(names) == 0, t.anyName:
		return true
	case t.subresource == "" && slices.Contains(unnamed, t.verb) && slices.Contains(names, ""):
		return true
	}
	return slices.ContainsFunc(t.names, func(n string) bool { return slices.Contains(names, n) })
}

func (t *atom) key() string {
	return strings.Join([]string{t.verb, t.group, t.resource, t.subresource, t.prefix, strings.Join(t.names, "\x00"), map[bool]string{true: "*"}[t.anyName]}, "\x01")
}

// bits is a set of atoms or powers.
type bits [8]uint64

func (b *bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b *bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b *bits) add(o *bits) {
	for i := range b {
		b[i] |= o[i]
	}
}
func (b *bits) meets(o *bits) bool {
	for i := range b {
		if b[i]&o[i] != 0 {
			return true
		}
	}
	return false
}
func (b *bits) empty() bool { return *b == bits{} }

// atoms numbers the requests that the powers speak of, and finds by group and resource those that a rule could hold.
type atoms struct {
	list   []atom
	number map[string]int
	by     map[groupResource][]int
	bySub  map[string][]int
	loose  []int // of any group and resource
}

func newAtoms() *atoms {
	return &atoms{number: map[string]int{}, by: map[groupResource][]int{}, bySub: map[string][]int{}}
}

func (as *atoms) of(a *ask) bits {
	var out bits
	if a.prefix != "" {
		n, added := as.intern(atom{prefix: a.prefix})
		if added {
			as.loose = append(as.loose, n)
		}
		out.set(n)
	}
	for _, resource := range a.resources {
		res, sub, _ := strings.Cut(resource, "/")
		for _, verb := range a.verbs {
			n, added := as.intern(atom{verb: verb, group: a.group, resource: res, subresource: sub, names: a.names, anyName: a.anyName})
			if added {
				k := groupResource{a.group, resource}
				as.by[k] = append(as.by[k], n)
				as.bySub[sub] = append(as.bySub[sub], n)
			}
			out.set(n)
		}
	}
	return out
}

func (as *atoms) intern(t atom) (n int, added bool) {
	n, ok := as.number[t.key()]
	if !ok {
		n = len(as.list)
		as.list = append(as.list, t)
		as.number[t.key()] = n
	}
	return n, !ok
}

// heldBy is the set of atoms that one rule holds.
func (as *atoms) heldBy(r *rbacv1.PolicyRule) bits {
	var out bits
	try := func(numbers []int) {
		for _, n := range numbers {
			if as.list[n].heldBy(r) {
				out.set(n)
			}
		}
	}
	if slices.Contains(r.APIGroups, rbacv1.APIGroupAll) || slices.Contains(r.Resources, rbacv1.ResourceAll) {
		for n := range as.list {
			if as.list[n].heldBy(r) {
				out.set(n)
			}
		}
		return out
	}
	try(as.loose)
	for _, resource := range r.Resources {
		if sub, ok := strings.CutPrefix(resource, "*/"); ok {
			try(as.bySub[sub])
			continue
		}
		for _, group := range r.APIGroups {
			try(as.by[groupResource{group, resource}])
		}
	}
	return out
}
