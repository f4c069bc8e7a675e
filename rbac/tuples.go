package rbac

import (
	"cmp"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// tuplesOf are the smallest rules of a list that can allow something in a namespace, or in the cluster where that is empty:
// URLs and resources of the cluster are not granted in a namespace, and "pods/*" matches no request.
func tuplesOf(rules []rbacv1.PolicyRule, namespace string) []tuple {
	var out []tuple
	for i := range rules {
		breakdown(&rules[i], func(t *tuple) {
			if t.effectiveIn(namespace) {
				out = append(out, *t)
			}
		})
	}
	return out
}

func (t *tuple) effectiveIn(namespace string) bool {
	name, sub, _ := strings.Cut(t.resource, "/")
	switch {
	case t.isURL:
		return namespace == ""
	case t.resource == "", sub == "*" && name != "userextras": // constrained impersonation asks for userextras/* literally
		return false
	}
	return namespace == "" || name == "namespaces" || name == "*" || !clusterScoped(name, []string{t.group})
}

// covers is coveredBy between two tuples.
func (t *tuple) covers(u *tuple) bool {
	if t.isURL != u.isURL || t.verb != u.verb && t.verb != rbacv1.VerbAll {
		return false
	}
	if t.isURL {
		return urlCovers(t.url, u.url)
	}
	return (t.group == u.group || t.group == rbacv1.APIGroupAll) && resourceCovers(t.resource, u.resource) && (!t.named || u.named && t.name == u.name)
}

func resourceCovers(t, u string) bool {
	if t == u || t == rbacv1.ResourceAll {
		return true
	}
	rest, ok := strings.CutPrefix(t, "*/")
	_, sub, has := strings.Cut(u, "/")
	return ok && has && rest == sub
}

// overlaps reports whether some request is allowed by both.
func (t *tuple) overlaps(u *tuple) bool {
	either := func(a, b string) bool { return a == b || a == "*" || b == "*" }
	if t.isURL != u.isURL || !either(t.verb, u.verb) {
		return false
	}
	if t.isURL {
		return urlCovers(t.url, u.url) || urlCovers(u.url, t.url)
	}
	return either(t.group, u.group) && (resourceCovers(t.resource, u.resource) || resourceCovers(u.resource, t.resource)) &&
		(!t.named || !u.named || t.name == u.name)
}

func (t *tuple) compare(u *tuple) int {
	named := func(t *tuple) int {
		if t.named {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(t.url, u.url), cmp.Compare(t.group, u.group), cmp.Compare(t.resource, u.resource),
		cmp.Compare(named(t), named(u)), cmp.Compare(t.name, u.name), cmp.Compare(t.verb, u.verb))
}

// minimal leaves out what others of the tuples cover, in order. Cost: their number times what is left.
func minimal(tuples []tuple) []tuple {
	tuples = slices.Clone(tuples)
	slices.SortFunc(tuples, func(a, b tuple) int { return a.compare(&b) })
	tuples = slices.Compact(tuples)
	var out []tuple
	for i := range tuples {
		t := &tuples[i]
		covered := slices.ContainsFunc(out, func(u tuple) bool { return u.covers(t) })
		for j := i + 1; j < len(tuples) && !covered; j++ {
			// Of two that cover each other, as /a* and /a** do, the first stays.
			covered = tuples[j].covers(t) && !t.covers(&tuples[j])
		}
		if !covered {
			out = append(out, *t)
		}
	}
	return out
}

// pack writes tuples as few rules that allow exactly as much: rules that differ in one list are joined, by verbs first.
func pack(tuples []tuple) []rbacv1.PolicyRule {
	boxes := make([]box, len(tuples))
	for i := range tuples {
		t := &tuples[i]
		b := box{verbs: {t.verb}}
		if t.isURL {
			b[urls] = []string{t.url}
		} else {
			b[groups], b[resources] = []string{t.group}, []string{t.resource}
			if t.named {
				b[names] = []string{t.name}
			}
		}
		boxes[i] = b
	}
	for axis := range axes {
		boxes = join(boxes, axis)
	}
	out := make([]rbacv1.PolicyRule, 0, len(boxes))
	for _, b := range boxes {
		out = append(out, rbacv1.PolicyRule{Verbs: b[verbs], APIGroups: b[groups], Resources: b[resources], ResourceNames: b[names], NonResourceURLs: b[urls]})
	}
	slices.SortFunc(out, compareRules)
	return out
}

// box is a rule as the product of its lists.
type box [axes][]string

const (
	verbs = iota
	names
	resources
	urls
	groups
	axes
)

// join makes one of the boxes that differ in one list at most. A box without that list stands for all of it and stays.
func join(boxes []box, axis int) []box {
	at := map[string]int{}
	var out []box
	for _, b := range boxes {
		if len(b[axis]) == 0 {
			out = append(out, b)
			continue
		}
		var key strings.Builder
		for i := range b {
			if i != axis {
				for _, s := range b[i] {
					key.WriteString(s)
					key.WriteByte(0)
				}
			}
			key.WriteByte(1)
		}
		i, ok := at[key.String()]
		if !ok {
			at[key.String()] = len(out)
			out = append(out, b)
			continue
		}
		out[i][axis] = append(slices.Clip(out[i][axis]), b[axis]...)
	}
	for i := range out {
		slices.Sort(out[i][axis])
		out[i][axis] = slices.Compact(out[i][axis])
	}
	return out
}

func compareRules(a, b rbacv1.PolicyRule) int {
	return cmp.Or(slices.Compare(a.NonResourceURLs, b.NonResourceURLs), slices.Compare(a.APIGroups, b.APIGroups), slices.Compare(a.Resources, b.Resources),
		slices.Compare(a.ResourceNames, b.ResourceNames), slices.Compare(a.Verbs, b.Verbs))
}
