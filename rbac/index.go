package rbac

import "slices"

// ruleIndex finds the rules that can allow a request by the group and resource that they name: at most six lookups.
type ruleIndex struct {
	resources map[groupResource][]ruleRef
	urls      []ruleRef
}

type groupResource struct{ group, resource string }

type ruleRef struct {
	role *Role
	rule int
}

func newRuleIndex(roles []*Role) ruleIndex {
	x := ruleIndex{resources: map[groupResource][]ruleRef{}}
	for _, r := range roles {
		if len(r.bindings) == 0 {
			continue
		}
		for i := range r.Rules {
			ref := ruleRef{r, i}
			for _, group := range r.Rules[i].APIGroups {
				for _, resource := range r.Rules[i].Resources {
					k := groupResource{group, resource}
					x.resources[k] = append(x.resources[k], ref)
				}
			}
			if len(r.Rules[i].NonResourceURLs) > 0 {
				x.urls = append(x.urls, ref)
			}
		}
	}
	return x
}

// matching lists each bound role that has a rule that allows the request, with the first such rule.
func (x ruleIndex) matching(r Request) []ruleRef {
	if !r.IsResource() {
		return firstOfEach(slices.DeleteFunc(slices.Clone(x.urls), func(ref ruleRef) bool { return !ref.allows(r) }))
	}
	resources := []string{r.combined(), "*"}
	if r.Subresource != "" {
		resources = append(resources, "*/"+r.Subresource)
	}
	var out []ruleRef
	for _, group := range slices.Compact([]string{r.Group, "*"}) {
		for _, resource := range slices.Compact(resources) {
			for _, ref := range x.resources[groupResource{group, resource}] {
				if ref.allows(r) {
					out = append(out, ref)
				}
			}
		}
	}
	return firstOfEach(out)
}

func (ref ruleRef) allows(r Request) bool { return RuleAllows(&ref.role.Rules[ref.rule], r) }

func firstOfEach(refs []ruleRef) []ruleRef {
	first := make(map[*Role]int, len(refs))
	out := refs[:0]
	for _, ref := range refs {
		i, ok := first[ref.role]
		switch {
		case !ok:
			first[ref.role] = len(out)
			out = append(out, ref)
		case ref.rule < out[i].rule:
			out[i].rule = ref.rule
		}
	}
	return out
}
