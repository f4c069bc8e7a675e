// Package upstream holds what this project generates from, and compares with, the Kubernetes source.
package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

// BootstrapPolicy returns the RBAC objects that the API server creates at start, with the default feature gates of the
// Kubernetes version that this module requires: what the post-start hook of pkg/registry/rbac/rest ensures in an empty
// cluster, once the aggregation controller settled. It writes one JSON object per line, ordered by kind (cluster roles, their
// bindings, roles, their bindings), namespace and name.
func BootstrapPolicy() ([]byte, error) {
	clusterRoles := bootstrapClusterRoles()
	if err := aggregate(clusterRoles); err != nil {
		return nil, err
	}
	clusterRoleBindings := slices.Concat(bootstrappolicy.ClusterRoleBindings(), bootstrappolicy.ControllerRoleBindings())
	roles := slices.Concat(slices.Collect(maps.Values(bootstrappolicy.NamespaceRoles()))...)
	roleBindings := slices.Concat(slices.Collect(maps.Values(bootstrappolicy.NamespaceRoleBindings()))...)

	var objects []any
	for i := range sorted(clusterRoles) {
		o := &clusterRoles[i]
		o.TypeMeta = typeMeta("ClusterRole")
		objects = append(objects, o)
	}
	for i := range sorted(clusterRoleBindings) {
		o := &clusterRoleBindings[i]
		o.TypeMeta = typeMeta("ClusterRoleBinding")
		objects = append(objects, o)
	}
	for i := range sorted(roles) {
		o := &roles[i]
		o.TypeMeta = typeMeta("Role")
		objects = append(objects, o)
	}
	for i := range sorted(roleBindings) {
		o := &roleBindings[i]
		o.TypeMeta = typeMeta("RoleBinding")
		objects = append(objects, o)
	}

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, o := range objects {
		if err := enc.Encode(o); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// bootstrapClusterRoles returns the cluster roles as the API server creates them: aggregated ones without rules.
func bootstrapClusterRoles() []rbacv1.ClusterRole {
	return slices.Concat(bootstrappolicy.ClusterRoles(), bootstrappolicy.ControllerRoles())
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

// sorted orders objects by namespace and name, in place.
func sorted[T any, P interface {
	*T
	metav1.Object
}](objects []T) []T {
	slices.SortFunc(objects, func(a, b T) int {
		x, y := P(&a), P(&b)
		return cmp.Or(cmp.Compare(x.GetNamespace(), y.GetNamespace()), cmp.Compare(x.GetName(), y.GetName()))
	})
	return objects
}

// aggregate fills in the rules of aggregated roles as pkg/controller/clusterroleaggregation does: for each selector the
// roles that it selects by name, the role itself left out, each distinct rule once. Aggregated roles feed each other (view, edit,
// admin), so it repeats until nothing changes, as the controller's events make it do.
func aggregate(roles []rbacv1.ClusterRole) error {
	sorted(roles)
	for changed := true; changed; {
		changed = false
		for i := range roles {
			role := &roles[i]
			if role.AggregationRule == nil {
				continue
			}
			var rules []rbacv1.PolicyRule
			for j := range role.AggregationRule.ClusterRoleSelectors {
				selector, err := metav1.LabelSelectorAsSelector(&role.AggregationRule.ClusterRoleSelectors[j])
				if err != nil {
					return err
				}
				for k := range roles {
					if k == i || !selector.Matches(labels.Set(roles[k].Labels)) {
						continue
					}
					for _, rule := range roles[k].Rules {
						if !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return equality.Semantic.DeepEqual(r, rule) }) {
							rules = append(rules, rule)
						}
					}
				}
			}
			if !equality.Semantic.DeepEqual(rules, role.Rules) {
				role.Rules, changed = rules, true
			}
		}
	}
	return nil
}
