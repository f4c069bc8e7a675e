package cluster

import (
	"cmp"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/inventory"
)

// RequiredRules are the rights that a collection for the needs takes, in order: to list each kind, to read the URLs that tell
// what is served, and where Namespaces are named, to get those. There is no other. Secrets are among them only where SecretMetadata says so: who may list their metadata
// may read them (kubernetes.io/docs/reference/access-authn-authz/authorization, "list" returns whole objects).
func (c Config) RequiredRules(needs []inventory.Need) []rbacv1.PolicyRule {
	byGroup := map[string][]string{}
	for _, n := range kindsOf(needs) {
		gk := n.GroupKind()
		if isFile(gk) || n.Resource == "" || gk == secretKind && !c.SecretMetadata {
			continue
		}
		byGroup[n.Group] = append(byGroup[n.Group], n.Resource)
	}
	var rules []rbacv1.PolicyRule
	for group, resources := range byGroup {
		slices.Sort(resources)
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: slices.Compact(resources), Verbs: []string{"list"}})
	}
	if len(c.Namespaces) > 0 {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}})
	}
	slices.SortStableFunc(rules, func(a, b rbacv1.PolicyRule) int { return cmp.Compare(a.APIGroups[0], b.APIGroups[0]) })
	return append(rules, rbacv1.PolicyRule{NonResourceURLs: c.urls(), Verbs: []string{"get"}})
}

// urls are the URLs that a collection reads. Every authenticated user may read the first three, unless somebody took that away.
func (c Config) urls() []string {
	out := []string{"/api", "/apis", versionURL}
	for _, r := range c.wantedReports() {
		out = append(out, r.path)
	}
	return out
}

// ClusterRole is a role with these rights and no other. Bound by a ClusterRoleBinding it gives a complete collection; bound by
// RoleBindings, that of their namespaces.
func ClusterRole(name string, rules []rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      rules,
	}
}
