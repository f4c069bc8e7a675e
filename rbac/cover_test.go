package rbac

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

func rule(verbs, groups, resources string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ","), ResourceNames: names}
}

func TestCoversEverything(t *testing.T) {
	reads, writes := "get,list,watch", "create,update,patch,delete,deletecollection"
	for _, tt := range []struct {
		name  string
		rules []rbacv1.PolicyRule
		want  []int
	}{
		{"cluster-admin", []rbacv1.PolicyRule{rule("*", "*", "*"), {Verbs: []string{"*"}, NonResourceURLs: []string{"*"}}}, []int{0}},
		{"hidden in a list", []rbacv1.PolicyRule{rule("get,*", ",apps,*", "pods,*")}, []int{0}},
		{"verbs shared by rules", []rbacv1.PolicyRule{rule("get", "", "pods"), rule(reads, "*", "*"), rule(writes, "*", "*")}, []int{1, 2}},
		{"one verb is missing", []rbacv1.PolicyRule{rule(reads, "*", "*"), rule("create,update,patch,delete", "*", "*")}, nil},
		{"*/* is no wildcard", []rbacv1.PolicyRule{rule("*", "*", "*/*")}, nil},
		{"pods/* is none either", []rbacv1.PolicyRule{rule("*", "*", "pods/*,secrets/*")}, nil},
		{"the core group alone", []rbacv1.PolicyRule{rule("*", "", "*")}, nil},
		{"a literal name", []rbacv1.PolicyRule{rule("*", "*", "*", "*")}, nil},
		{"the empty name", []rbacv1.PolicyRule{rule("*", "*", "*", "")}, nil},
		{"globs", []rbacv1.PolicyRule{rule("get*,l*", "*.k8s.io", "*")}, nil},
		{"no groups", []rbacv1.PolicyRule{{Verbs: []string{"*"}, Resources: []string{"*"}}}, nil},
		{"nothing", nil, nil},
	} {
		if got := coversEverything(tt.rules); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestCoversEveryURL(t *testing.T) {
	for _, tt := range []struct {
		verbs, urls string
		want        bool
	}{
		{"*", "*", true}, {"*", "/*", true}, {"*", "/**", true}, {"*", "/healthz", false}, {"*", "/metrics*", false}, {"*", "*/", false},
		{"get", "*", false}, {"get,post,put,patch,delete,head,options", "/healthz,*", true},
	} {
		r := rbacv1.PolicyRule{Verbs: strings.Split(tt.verbs, ","), NonResourceURLs: strings.Split(tt.urls, ",")}
		if got := coversEveryURL([]rbacv1.PolicyRule{r}); got != tt.want {
			t.Errorf("%s on %s: %v", tt.verbs, tt.urls, got)
		}
	}
}

// TestCoversEverythingAgainstEveryRequest compares with the definition: each of a set of requests, some of them for
// groups, resources and names that no rule mentions, is allowed by some rule as the authorizer matches it.
func TestCoversEverythingAgainstEveryRequest(t *testing.T) {
	type request struct{ verb, group, resource, subresource, name string }
	var requests []request
	for _, verb := range requestVerbs {
		for _, group := range []string{"", "apps", "fresh.example.com"} {
			for _, resource := range []string{"pods", "fresh"} {
				for _, sub := range []string{"", "exec", "fresh"} {
					for _, name := range []string{"", "a", "fresh"} {
						requests = append(requests, request{verb, group, resource, sub, name})
					}
				}
			}
		}
	}
	allows := func(r *rbacv1.PolicyRule, q request) bool {
		has := func(list []string, all, v string) bool { return slices.Contains(list, all) || slices.Contains(list, v) }
		combined := q.resource
		if q.subresource != "" {
			combined += "/" + q.subresource
		}
		resource := has(r.Resources, "*", combined) || q.subresource != "" && slices.Contains(r.Resources, "*/"+q.subresource)
		return has(r.Verbs, "*", q.verb) && has(r.APIGroups, "*", q.group) && resource &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, q.name))
	}
	covered := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func(from []string, many int) []string {
			var out []string
			for range 1 + rng.IntN(many) {
				out = append(out, from[rng.IntN(len(from))])
			}
			return out
		}
		var rules []rbacv1.PolicyRule
		for range 1 + rng.IntN(4) {
			r := rbacv1.PolicyRule{
				Verbs:     pick(append([]string{"*", "*"}, requestVerbs...), 8),
				APIGroups: pick([]string{"*", "*", "", "apps"}, 2),
				Resources: pick([]string{"*", "*", "*/*", "pods", "pods/exec", "*/exec"}, 2),
			}
			if rng.IntN(4) == 0 {
				r.ResourceNames = pick([]string{"", "a", "*"}, 2)
			}
			rules = append(rules, r)
		}
		want := !slices.ContainsFunc(requests, func(q request) bool {
			return !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return allows(&r, q) })
		})
		used := coversEverything(rules)
		if got := len(used) > 0; got != want {
			t.Fatalf("seed %d: %v, want %v: %+v", seed, got, want, rules)
		}
		if want {
			covered++
		}
	}
	if covered < 100 {
		t.Errorf("only %d of the random roles cover everything: the test shows little", covered)
	}
}
