package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Covers reports whether owner allows everything that rules allow, as the API server decides it before somebody may
// write a role or a binding (k8s.io/component-helpers/auth/rbac/validation), and what is not covered: one rule per
// verb, group, resource and name. No enumeration covers "*", and each tuple must be covered by one rule of owner.
// Cost: the number of tuples times the rules of owner.
func Covers(owner, rules []rbacv1.PolicyRule) (bool, []rbacv1.PolicyRule) {
	var missing []rbacv1.PolicyRule
	for i := range rules {
		breakdown(&rules[i], func(t *tuple) {
			if !slices.ContainsFunc(owner, t.coveredBy) {
				missing = append(missing, t.rule())
			}
		})
	}
	return len(missing) == 0, missing
}

// covers is Covers where what is missing does not matter.
func covers(owner, rules []rbacv1.PolicyRule) bool {
	ok := true
	for i := range rules {
		breakdown(&rules[i], func(t *tuple) {
			ok = ok && slices.ContainsFunc(owner, t.coveredBy)
		})
	}
	return ok
}

// tuple is the smallest rule: one verb on one resource, or on one URL.
type tuple struct {
	verb, group, resource, name string
	named                       bool
	url                         string
	isURL                       bool
}

func breakdown(r *rbacv1.PolicyRule, yield func(*tuple)) {
	for _, verb := range r.Verbs {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				if len(r.ResourceNames) == 0 {
					yield(&tuple{verb: verb, group: group, resource: resource})
				}
				for _, name := range r.ResourceNames {
					yield(&tuple{verb: verb, group: group, resource: resource, name: name, named: true})
				}
			}
		}
		for _, url := range r.NonResourceURLs {
			yield(&tuple{verb: verb, url: url, isURL: true})
		}
	}
}

func (t *tuple) coveredBy(owner rbacv1.PolicyRule) bool {
	if !hasOrAll(owner.Verbs, t.verb) {
		return false
	}
	if t.isURL {
		return len(owner.ResourceNames) == 0 && slices.ContainsFunc(owner.NonResourceURLs, func(u string) bool { return urlCovers(u, t.url) })
	}
	return hasOrAll(owner.APIGroups, t.group) && t.resourceCoveredBy(owner.Resources) &&
		(len(owner.ResourceNames) == 0 || t.named && slices.Contains(owner.ResourceNames, t.name))
}

func (t *tuple) resourceCoveredBy(resources []string) bool {
	if hasOrAll(resources, t.resource) {
		return true
	}
	_, sub, ok := strings.Cut(t.resource, "/")
	return ok && slices.Contains(resources, "*/"+sub)
}

func (t *tuple) rule() rbacv1.PolicyRule {
	r := rbacv1.PolicyRule{Verbs: []string{t.verb}}
	switch {
	case t.isURL:
		r.NonResourceURLs = []string{t.url}
	default:
		r.APIGroups, r.Resources = []string{t.group}, []string{t.resource}
		if t.named {
			r.ResourceNames = []string{t.name}
		}
	}
	return r
}
