package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// GenerateAllowlist is the list of everything that is granted now, sorted: the first one, for people to cut down. It is
// minimal: nothing in it is covered by the rest of it, subjects and namespaces with the same rules share an entry, and what
// [Allowlist.Compare] takes for meant without being listed is not in it. Comparing it finds nothing.
//
// Cost: linear in subjects of bindings; the rules of a subject in one place are compared with each other, once for each
// distinct combination of roles.
func (a *Access) GenerateAllowlist() Allowlist {
	g := &generator{access: a, known: profilesOf(a.minor), held: map[Subject]map[string]*heldIn{}, sets: map[string][]tuple{}}
	for _, b := range a.bindings {
		if !b.InEffect() {
			continue
		}
		for i := range b.Subjects {
			if s, ok := b.Subject(i); ok && s != Group(masters) {
				g.add(s, b)
			}
		}
	}
	return g.list()
}

type generator struct {
	access *Access
	known  *profiles
	held   map[Subject]map[string]*heldIn
	sets   map[string][]tuple // by roles
}

// heldIn is what a subject has in one place.
type heldIn struct {
	bindings []*Binding
	tuples   []tuple // that nothing wider gives
}

func (g *generator) add(s Subject, b *Binding) {
	if g.held[s] == nil {
		g.held[s] = map[string]*heldIn{}
	}
	h := g.held[s][b.Namespace]
	if h == nil {
		h = &heldIn{}
		g.held[s][b.Namespace] = h
	}
	if !slices.Contains(h.bindings, b) {
		h.bindings = append(h.bindings, b)
	}
}

// everything that a subject holds by its bindings of one place, what is its own by design left out.
func (g *generator) everything(s Subject, h *heldIn) []tuple {
	var keys []string
	for _, b := range h.bindings {
		keys = append(keys, rulesKey(b.Role.Rules))
	}
	slices.Sort(keys)
	namespace := h.bindings[0].Namespace
	scope := "\x03"
	if namespace != "" {
		scope = "\x04"
	}
	key := scope + strings.Join(slices.Compact(keys), "\x05")
	set, ok := g.sets[key]
	if !ok {
		for _, b := range h.bindings {
			set = append(set, tuplesOf(b.Role.Rules, namespace)...)
		}
		set = minimal(set)
		g.sets[key] = set
	}
	if g.known.subjects[s] == nil {
		return set
	}
	return slices.DeleteFunc(slices.Clone(set), func(t tuple) bool { return g.known.builtIn(h.bindings[0], s, &t) })
}

func (g *generator) list() Allowlist {
	for s, places := range g.held {
		for _, h := range places {
			h.tuples = g.everything(s, h)
		}
	}
	type entry struct {
		namespaces []string
		rules      []rbacv1.PolicyRule
	}
	bySubject := map[Subject][]entry{}
	for s, places := range g.held {
		at := map[string]int{}
		for _, ns := range namespacesOf(places) {
			own := slices.DeleteFunc(slices.Clone(places[ns].tuples), func(t tuple) bool { return g.wider(s, ns, &t) })
			if len(own) == 0 {
				continue
			}
			rules := pack(own)
			key := rulesKey(rules)
			if ns == "" {
				key = "cluster " + key
			}
			i, ok := at[key]
			if !ok {
				i = len(bySubject[s])
				at[key] = i
				bySubject[s] = append(bySubject[s], entry{rules: rules})
			}
			if ns != "" {
				bySubject[s][i].namespaces = append(bySubject[s][i].namespaces, ns)
			}
		}
	}
	out := Allowlist{}
	at := map[string]int{}
	subjects := make([]Subject, 0, len(bySubject))
	for s := range bySubject {
		subjects = append(subjects, s)
	}
	slices.SortFunc(subjects, Subject.Compare)
	for _, s := range subjects {
		for _, e := range bySubject[s] {
			key := strings.Join(e.namespaces, "/") + " " + rulesKey(e.rules)
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key] = i
				out = append(out, AllowedGrant{Namespaces: e.namespaces, Rules: e.rules})
			}
			out[i].Subjects = append(out[i].Subjects, s)
		}
	}
	return out
}

// wider reports whether a subject has a tuple of one place also everywhere, or through a group that Kubernetes puts it into.
func (g *generator) wider(s Subject, namespace string, t *tuple) bool {
	gives := func(s Subject, ns string) bool {
		h := g.held[s][ns]
		return h != nil && slices.ContainsFunc(h.tuples, func(u tuple) bool { return u.covers(t) })
	}
	if namespace != "" && gives(s, "") {
		return true
	}
	for _, name := range s.Identity().Groups {
		if group := Group(name); group != s && (gives(group, "") || namespace != "" && gives(group, namespace)) {
			return true
		}
	}
	return false
}
