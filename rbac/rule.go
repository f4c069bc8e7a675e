package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Request is what an authorizer is asked about (authorization.k8s.io ResourceAttributes or NonResourceAttributes).
// Verbs are opaque strings: beside those of HTTP requests there are some that only admission and storage ask for, such
// as escalate, bind, impersonate and approve.
type Request struct {
	Verb string
	// Of a request for a resource. Namespace is empty for cluster-scoped resources and for all namespaces at once; a
	// request for one namespace object carries its name there too (requestinfo.go). Name is empty where the request names
	// no object: create by POST, list and watch without a field selector on metadata.name, deletecollection.
	Namespace, Group, Resource, Subresource, Name string
	// URL is set for a request that is for no resource; the fields above but Verb are then ignored.
	URL string
}

// IsResource tells requests for resources from those for other paths.
func (r Request) IsResource() bool { return r.URL == "" }

func (r Request) combined() string {
	if r.Subresource == "" {
		return r.Resource
	}
	return r.Resource + "/" + r.Subresource
}

func (r Request) String() string {
	if !r.IsResource() {
		return r.Verb + " " + r.URL
	}
	s := r.Verb + " " + r.Resource
	if r.Group != "" {
		s += "." + r.Group
	}
	if r.Subresource != "" {
		s += "/" + r.Subresource
	}
	if r.Name != "" {
		s += fmt.Sprintf(" %q", r.Name)
	}
	if r.Namespace != "" {
		s += fmt.Sprintf(" in namespace %q", r.Namespace)
	}
	return s
}

// RuleAllows is RuleAllows of plugin/pkg/auth/authorizer/rbac: "*" is the only wildcard for verbs, groups and resources,
// "*/x" stands for the subresource x of every resource, names are literal, and a URL may end in "*".
func RuleAllows(rule *rbacv1.PolicyRule, r Request) bool {
	if !r.IsResource() {
		return hasOrAll(rule.Verbs, r.Verb) && matchURLs(rule.NonResourceURLs, r.URL)
	}
	return hasOrAll(rule.Verbs, r.Verb) && hasOrAll(rule.APIGroups, r.Group) &&
		matchResources(rule.Resources, r.Resource, r.Subresource) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, r.Name))
}

func hasOrAll(set []string, s string) bool {
	for _, e := range set {
		if e == s || e == "*" {
			return true
		}
	}
	return false
}

func matchResources(rules []string, resource, subresource string) bool {
	for _, rule := range rules {
		if rule == rbacv1.ResourceAll {
			return true
		}
		if subresource == "" {
			if rule == resource {
				return true
			}
			continue
		}
		// "pods/exec" or "*/exec", without building either.
		if rest, ok := strings.CutSuffix(rule, "/"+subresource); ok && (rest == resource || rest == "*") {
			return true
		}
	}
	return false
}

func matchURLs(rules []string, url string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool { return urlCovers(rule, url) })
}

// urlCovers: every "*" at the end is dropped, so that "/a**" is "/a*"; inside a path it is literal.
func urlCovers(rule, url string) bool {
	return rule == url || strings.HasSuffix(rule, "*") && strings.HasPrefix(url, strings.TrimRight(rule, "*"))
}

// invalidRules is ValidatePolicyRule of pkg/apis/rbac/validation: why the API server refuses a role with these rules.
func invalidRules(rules []rbacv1.PolicyRule, namespaced bool) string {
	for i := range rules {
		r := &rules[i]
		switch {
		case len(r.Verbs) == 0:
			return fmt.Sprintf("rule %d has no verb", i)
		case len(r.NonResourceURLs) > 0 && namespaced:
			return fmt.Sprintf("rule %d has nonResourceURLs, which only a ClusterRole can grant", i)
		case len(r.NonResourceURLs) > 0 && (len(r.APIGroups) > 0 || len(r.Resources) > 0 || len(r.ResourceNames) > 0):
			return fmt.Sprintf("rule %d has both resources and nonResourceURLs", i)
		case len(r.NonResourceURLs) > 0:
		case len(r.APIGroups) == 0:
			return fmt.Sprintf("rule %d has no apiGroups", i)
		case len(r.Resources) == 0:
			return fmt.Sprintf("rule %d has no resources", i)
		}
	}
	return ""
}
