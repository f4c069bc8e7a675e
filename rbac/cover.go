package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// requestVerbs are what the API server makes of HTTP methods on resources
// (staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go). A role that has them on everything can grant
// itself the verbs that only authorization checks know, such as impersonate, through any service account.
var requestVerbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// coversEverything tells which rules together allow every request on every resource of every group, present and future;
// nil where they do not. Only a rule with "*" for groups and resources reaches a resource that nobody has named yet, so
// that rules can share the work by verb alone. "*/*" and "pods/*" match no request, and names, even "*", are literal.
func coversEverything(rules []rbacv1.PolicyRule) []int {
	by := map[string]int{}
	for i := range rules {
		r := &rules[i]
		if !slices.Contains(r.APIGroups, rbacv1.APIGroupAll) || !slices.Contains(r.Resources, rbacv1.ResourceAll) || len(r.ResourceNames) > 0 {
			continue
		}
		if slices.Contains(r.Verbs, rbacv1.VerbAll) {
			return []int{i}
		}
		for _, v := range r.Verbs {
			if _, ok := by[v]; !ok {
				by[v] = i
			}
		}
	}
	var used []int
	for _, v := range requestVerbs {
		i, ok := by[v]
		if !ok {
			return nil
		}
		if !slices.Contains(used, i) {
			used = append(used, i)
		}
	}
	slices.Sort(used)
	return used
}

// urlVerbs are the methods of requests that are for no resource.
var urlVerbs = []string{"get", "post", "put", "patch", "delete", "head", "options"}

// coversEveryURL: "*", or a prefix of every path ("/*").
func coversEveryURL(rules []rbacv1.PolicyRule) bool {
	var verbs []string
	for i := range rules {
		if slices.ContainsFunc(rules[i].NonResourceURLs, func(u string) bool {
			return strings.HasSuffix(u, "*") && strings.HasPrefix("/", strings.TrimRight(u, "*"))
		}) {
			verbs = append(verbs, rules[i].Verbs...)
		}
	}
	return slices.Contains(verbs, rbacv1.VerbAll) || !slices.ContainsFunc(urlVerbs, func(v string) bool { return !slices.Contains(verbs, v) })
}
