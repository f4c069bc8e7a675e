package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
)

const authenticationGroup = "authentication.k8s.io"

var (
	write   = []string{"create", "update", "patch"}
	deletes = []string{"delete", "deletecollection"}
)

// rolePowers are rights to give oneself, or others, rights, and to be somebody else.
var rolePowers = []power{
	{
		id: "rbac-escalate-cluster-roles", title: "Right to put any rule into a ClusterRole",
		doc: `The verb escalate on clusterroles, together with a verb that writes them, lifts the API server's rule that nobody may
write a role with rights that they do not hold (pkg/registry/rbac/clusterrole/policybased). Whoever has it adds every
right to a role that is bound to them.

Before:

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [get, update, escalate]}]

After: without escalate. What the subject has to hand out it must then hold itself.

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [get, update]}]`,
		remediation: `Drop escalate and give the subject the rights that it hands out, or let it bind a fixed set of roles: the verb bind with
resourceNames.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)"}, cis: []string{"5.1.8"},
		may: "give itself every right by changing a ClusterRole",
		clauses: [][]ask{
			{{group: rbacv1.GroupName, resources: []string{"clusterroles"}, verbs: []string{"escalate"}, anyName: true}},
			{{group: rbacv1.GroupName, resources: []string{"clusterroles"}, verbs: write, anyName: true}},
		},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toAdmin,
	},
	{
		id: "rbac-escalate-roles", title: "Right to put any rule into a Role",
		doc: `The verb escalate on roles, together with a verb that writes them, lifts the API server's rule that nobody may write a
role with rights that they do not hold. Whoever has it has every right in the namespace, and with them its service
accounts.

Before:

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create, update, escalate]}]

After:

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create, update]}]`,
		remediation: `Drop escalate and give the subject the rights that it hands out, or let it bind a fixed set of roles: the verb bind with
resourceNames.`,
		claims: []string{"1a", "2a"}, cis: []string{"5.1.8"},
		may: "give itself every right by changing a Role",
		clauses: [][]ask{
			{{group: rbacv1.GroupName, resources: []string{"roles"}, verbs: []string{"escalate"}, anyName: true}},
			{{group: rbacv1.GroupName, resources: []string{"roles"}, verbs: write, anyName: true}},
		},
		cluster: nist190.SeverityHigh, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-escalate-cluster-roles"}, leads: toAdmin,
	},
	{
		id: "rbac-bind-cluster-roles", title: "Right to bind cluster-admin in the cluster",
		doc: `The verb bind on a ClusterRole, together with a verb that writes ClusterRoleBindings, lifts the API server's rule that
nobody may hand out rights that they do not hold (pkg/registry/rbac/clusterrolebinding/policybased). Where bind is not
limited to names, or to cluster-admin, whoever has it binds that role to themselves. The verb counts on the role, not on
the binding, and a name "*" is a name like any other.

Before:

    rules:
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [create]}

After: the roles that may be handed out.

    rules:
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [view]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [create]}`,
		remediation: "List in resourceNames the roles that may be bound, none of which gives more than the subject should be able to get.",
		claims:      []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)"}, cis: []string{"5.1.8"},
		may: "give itself every right by binding cluster-admin",
		clauses: [][]ask{
			{{group: rbacv1.GroupName, resources: []string{"clusterroles"}, verbs: []string{"bind"}, names: []string{clusterAdmin}}},
			{{group: rbacv1.GroupName, resources: []string{"clusterrolebindings"}, verbs: write, anyName: true}},
		},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toAdmin,
		limits: "A right to bind a role of another name that gives as much as cluster-admin is not seen by this check.",
	},
	{
		id: "rbac-bind-roles", title: "Right to bind administrative roles in a namespace",
		doc: `The verb bind on cluster-admin, admin or edit, or on every role, together with a verb that writes RoleBindings, lets its
holder take every right in the namespace.

Before:

    rules:
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]}

After:

    rules:
    - {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [view]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]}`,
		remediation: "List in resourceNames the roles that may be bound, none of which gives more than the subject should be able to get.",
		claims:      []string{"1a", "2a"}, cis: []string{"5.1.8"},
		may: "give itself every right by binding an administrative role",
		clauses: [][]ask{
			{
				{group: rbacv1.GroupName, resources: []string{"clusterroles"}, verbs: []string{"bind"}, names: []string{clusterAdmin, "admin", "edit"}},
				{group: rbacv1.GroupName, resources: []string{"roles"}, verbs: []string{"bind"}},
			},
			{{group: rbacv1.GroupName, resources: []string{"rolebindings"}, verbs: write, anyName: true}},
		},
		cluster: nist190.SeverityHigh, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-bind-cluster-roles"}, leads: toAdmin,
	},
	{
		id: "rbac-role-write", title: "Right to write roles or bindings",
		doc: `A role allows to write objects of RBAC. The API server keeps its holder from handing out more than they hold
themselves; within that they can give their rights to others, make them outlast their own account, and widen what
everybody else's role gives.

Before:

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles, clusterrolebindings], verbs: [create, update]}]

After: bindings of a fixed set of roles in the namespaces of a team.

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create, update]}]`,
		remediation: "Keep roles and bindings in version control and let one reviewed account apply them.",
		cis:         []string{"5.1.8"}, controls: []string{"AC-6", "AC-6(5)"},
		may:     "write roles or bindings",
		clauses: [][]ask{{{group: rbacv1.GroupName, resources: []string{"roles", "clusterroles", "rolebindings", "clusterrolebindings"}, verbs: write}}},
		cluster: nist190.SeverityMedium, local: nist190.SeverityLow, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-escalate-cluster-roles", "rbac-escalate-roles", "rbac-bind-cluster-roles", "rbac-bind-roles"},
	},
	{
		id: "rbac-role-delete", title: "Right to delete roles or bindings in the cluster",
		doc: `A role allows to delete ClusterRoles or their bindings, or roles and bindings in every namespace: whoever has it takes
operators and administrators out of service, those who would respond included.

Before:

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [deletecollection]}]

After: the objects that the subject manages.

    rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings], verbs: [delete], resourceNames: [team-a]}]`,
		remediation: "List in resourceNames what the subject manages.",
		may:         "delete roles or bindings",
		clauses:     [][]ask{{{group: rbacv1.GroupName, resources: []string{"roles", "clusterroles", "rolebindings", "clusterrolebindings"}, verbs: deletes}}},
		cluster:     nist190.SeverityLow,
		saidBy:      []string{"rbac-wildcard-delete", "rbac-wildcard-write", "rbac-role-write", "rbac-escalate-cluster-roles", "rbac-escalate-roles", "rbac-bind-cluster-roles", "rbac-bind-roles"},
	},
	{
		id: "rbac-impersonate", title: "Right to impersonate administrators",
		doc: `A role allows to send requests as any user, or as a member of system:masters. Audit shows who it was only where
somebody looks for impersonated users, and RBAC asks no more.

Before:

    rules: [{apiGroups: [""], resources: [users, groups], verbs: [impersonate]}]

After: the users that may be impersonated.

    rules: [{apiGroups: [""], resources: [users], verbs: [impersonate], resourceNames: [jane@example.com]}]`,
		remediation: `List in resourceNames the users and groups that may be impersonated, none of them administrators. A proxy that logs
people in is better served by the cluster's own OpenID Connect authentication. Since Kubernetes 1.36 constrained
impersonation limits what may be done as somebody else.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)", "IA-2"}, cis: []string{"5.1.8"},
		may: "be any user or administrator by impersonation",
		clauses: [][]ask{
			{
				{group: "", resources: []string{"users"}, verbs: []string{"impersonate"}},
				{group: "", resources: []string{"groups"}, verbs: []string{"impersonate"}, names: []string{masters}},
			},
			// Groups can only be impersonated along with a user.
			{{group: "", resources: []string{"users", "serviceaccounts"}, verbs: []string{"impersonate"}, anyName: true}},
		},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toAdmin,
	},
	{
		id: "rbac-impersonate-service-accounts", title: "Right to impersonate service accounts",
		doc: `A role allows to send requests as the service accounts of a namespace, or of all of them: its holder has the rights of
every account there. The roles edit and admin of Kubernetes give it by design; in a namespace that hosts an account with
wide rights they give those as well.

Before:

    rules: [{apiGroups: [""], resources: [serviceaccounts], verbs: [impersonate]}]

After:

    rules: [{apiGroups: [""], resources: [serviceaccounts], verbs: [impersonate], resourceNames: [deployer]}]`,
		remediation: `List the accounts in resourceNames, and keep accounts with wide rights in namespaces of their own, which no team may edit.`,
		cis:         []string{"5.1.8"}, controls: []string{"AC-3", "AC-6", "IA-2"},
		may:     "be any service account by impersonation",
		clauses: [][]ask{{{group: "", resources: []string{"serviceaccounts"}, verbs: []string{"impersonate"}}}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin"}, leads: toAccounts,
	},
	{
		id: "rbac-impersonate-attributes", title: "Right to impersonate UIDs or extra attributes",
		doc: `A role allows to send requests with the UID or the extra attributes of somebody else. Authorization webhooks and
admission policies that decide by them, such as by the scopes of a cloud's token or the node of a Pod's, then decide on
what the sender claims.

Before:

    rules: [{apiGroups: [authentication.k8s.io], resources: [uids, "userextras/scopes"], verbs: [impersonate]}]

After: no such rule, or the values that may be claimed in resourceNames.`,
		remediation: "Drop the rule, or list the values in resourceNames.",
		may:         "claim anybody's UID or extra attributes", controls: []string{"AC-6", "IA-2"},
		rules: impersonatedAttributes, clusterOnly: true,
		cluster: nist190.SeverityMedium,
		saidBy:  []string{"rbac-impersonate"},
	},
	{
		id: "rbac-constrained-impersonation", title: "Constrained impersonation of anybody",
		doc: `Constrained impersonation (KEP-5284, on by default since Kubernetes 1.36) needs two rights: impersonate:<mode> for whom
to be, and impersonate-on:<mode>:<verb> for what to do as them. A role that names nobody for the first lets its holder do
the second as any user, service account or node.

Before:

    rules:
    - {apiGroups: [authentication.k8s.io], resources: [users], verbs: ["impersonate:user-info"]}
    - {apiGroups: [""], resources: [pods], verbs: ["impersonate-on:user-info:list"]}

After:

    rules:
    - {apiGroups: [authentication.k8s.io], resources: [users], verbs: ["impersonate:user-info"], resourceNames: [jane@example.com]}
    - {apiGroups: [""], resources: [pods], verbs: ["impersonate-on:user-info:list"]}`,
		remediation: "List in resourceNames whom the subject may be, and prefer the mode associated-node for agents that run on every node.",
		may:         "act as anybody by constrained impersonation", controls: []string{"AC-3", "AC-6", "IA-2"},
		clauses: [][]ask{
			{
				{group: authenticationGroup, resources: []string{"users"}, verbs: []string{"impersonate:user-info"}},
				{group: authenticationGroup, resources: []string{"serviceaccounts"}, verbs: []string{"impersonate:serviceaccount"}},
				{group: authenticationGroup, resources: []string{"nodes"}, verbs: []string{"impersonate:arbitrary-node"}},
			},
			{{prefix: "impersonate-on:user-info:"}, {prefix: "impersonate-on:serviceaccount:"}, {prefix: "impersonate-on:arbitrary-node:"}},
		},
		cluster: nist190.SeverityMedium, local: nist190.SeverityLow, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-impersonate"},
		limits: "Which of the acts is granted for which of the identities is not told apart.",
	},
	{
		id: "rbac-system-config-write", title: "Right to change the cluster's own configuration in ConfigMaps",
		doc: `ConfigMaps of kube-system hold what the cluster trusts: aws-auth maps cloud identities to users and groups on EKS, coredns
says what every name resolves to, kubeadm-config and kubelet-config what the next node or upgrade is configured with,
extension-apiserver-authentication whom aggregated API servers believe. A right to write ConfigMaps everywhere, in
kube-system, or one of these by name changes them.

Before:

    kind: ClusterRole
    rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, update]}]

After: a Role in the namespace of the controller, with the ConfigMap that it keeps.

    kind: Role
    rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, update], resourceNames: [my-leader-election]}]`,
		remediation: `Grant ConfigMaps in a Role in the namespaces where they are written, by name where the names are known; use Leases for
leader election.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "CM-5"},
		may: "change the configuration of the cluster in ConfigMaps",
		clauses: [][]ask{{{group: "", resources: []string{"configmaps"}, verbs: []string{"update", "patch"},
			names: []string{"aws-auth", "coredns", "coredns-custom", "kubeadm-config", "kubelet-config", "extension-apiserver-authentication"}}}},
		in:      []string{"kube-system"},
		cluster: nist190.SeverityMedium, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"},
	},
}

func impersonatedAttributes(rules []rbacv1.PolicyRule) []int {
	return which(rules, func(r *rbacv1.PolicyRule) bool {
		return len(r.ResourceNames) == 0 && hasOrAll(r.Verbs, "impersonate") && hasOrAll(r.APIGroups, authenticationGroup) &&
			slices.ContainsFunc(r.Resources, func(res string) bool {
				return res == rbacv1.ResourceAll || res == "uids" || strings.HasPrefix(res, "userextras/")
			})
	})
}
