package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// MayWriteRole reports whether the API server lets an identity that may write the role put these rules into it, and else
// which of them it lacks: it must hold them itself or have the verb escalate on the role
// (pkg/registry/rbac/{role,clusterrole}/policybased). An empty namespace stands for a ClusterRole.
func (a *Access) MayWriteRole(id Identity, namespace, name string, rules []rbacv1.PolicyRule) (bool, []rbacv1.PolicyRule) {
	resource := "roles"
	if namespace == "" {
		resource = "clusterroles"
	}
	if a.Allows(id, Request{Verb: "escalate", Group: rbacv1.GroupName, Resource: resource, Namespace: namespace, Name: name}).Allowed {
		return true, nil
	}
	return Covers(a.policyRules(id, namespace), rules)
}

// MayBind reports whether the API server lets an identity that may write bindings bind a role in a namespace, or in the
// cluster where that is empty, and else which of the role's rules it lacks: it must hold them in the namespace or have the
// verb bind on the role, asked in the binding's namespace also for a ClusterRole
// (pkg/registry/rbac/{rolebinding,clusterrolebinding}/policybased). For a role that is not there only the verb counts.
func (a *Access) MayBind(id Identity, namespace string, ref rbacv1.RoleRef) (bool, []rbacv1.PolicyRule) {
	resource := "clusterroles"
	if ref.Kind == "Role" {
		resource = "roles"
	}
	if a.Allows(id, Request{Verb: "bind", Group: rbacv1.GroupName, Resource: resource, Namespace: namespace, Name: ref.Name}).Allowed {
		return true, nil
	}
	role := a.role(namespace, ref)
	if role == nil {
		return false, nil
	}
	return Covers(a.policyRules(id, namespace), role.Rules)
}

func (a *Access) role(namespace string, ref rbacv1.RoleRef) *Role {
	i := slices.IndexFunc(a.roles, func(r *Role) bool {
		return r.Object.Name() == ref.Name && r.Object.Ref().Kind == ref.Kind && (ref.Kind == "ClusterRole" || r.Object.Namespace() == namespace)
	})
	if i < 0 || a.roles[i].Refused != "" {
		return nil
	}
	return a.roles[i]
}

func (a *Access) policyRules(id Identity, namespace string) []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	for _, b := range a.applying(id, namespace) {
		out = append(out, b.Role.Rules...)
	}
	return out
}
