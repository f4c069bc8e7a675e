package rbac

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
)

// adminPowers are rights on everything, or on everything of a kind.
var adminPowers = []power{
	{
		id: unlimited, title: "Binding that grants every right",
		doc: `A binding gives somebody every verb on every resource of every API group: the role cluster-admin, or any role
whose rules come to the same.

Whoever holds it can read every Secret, run a container on every node and change what others may do. SP 800-190 asks
that users may only perform the actions that their job requires, and that access to cluster-wide administrative accounts
is tightly controlled. Roles are judged by their rules, so that neither a copy under another name nor several rules that
share the verbs escape, and a role that is only named like an administrator's does not fail. In a RoleBinding the same
role rules one namespace.

Before:

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
    subjects: [{kind: ServiceAccount, name: ci, namespace: build}]

After: a Role with what the pipeline deploys, bound in the namespaces that it deploys to.

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
    subjects: [{kind: ServiceAccount, name: ci, namespace: build}]

A binding of the group system:masters alone passes, whatever it is called: that group passes before RBAC is asked. So does
the group that kubeadm makes for the cluster's administrators.`,
		remediation: `List what the subject does (its audit events, or the verbs of its client), grant that in a Role, bind it in the namespaces
where it is done, and delete this binding. Where the subject is an administrator, bind a group of the directory that is
reviewed and suppress this finding with the reason and an expiry.`,
		limits: `Rights that only lead to all others are reported by the checks of those rights.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)"}, cis: []string{"5.1.1"},
		may: "do everything", rules: coversEverything,
		cluster: nist190.SeverityHigh, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		leads: toAdmin, readsSecrets: true,
	},
	{
		id: "rbac-core-admin", title: "Every right on the core API group",
		doc: `A role gives every verb on every resource of the core group: Secrets, Pods, tokens of service accounts, Nodes and
their proxy. Nothing is missing from it that could not be had with it, so that it is the role cluster-admin in all but
its text.

Before:

    rules: [{apiGroups: [""], resources: ["*"], verbs: ["*"]}]

After: the resources and verbs that the job needs.

    rules: [{apiGroups: [""], resources: [pods, services], verbs: [get, list, watch]}]`,
		remediation: `Name the resources and verbs that the subject uses; its audit events or the calls of its client tell them. Bind the role
in the namespaces where it is used.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)"}, cis: []string{"5.1.1", "5.1.3"},
		may:     "do everything with the resources of the core group",
		clauses: everyVerb("", "*"),
		cluster: nist190.SeverityHigh, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		leads: toAdmin,
	},
	{
		id: "rbac-wildcard-write", title: "Write access to every resource",
		doc: `A role allows to create, update or patch every resource of every API group, those of extensions that are installed
later included. Each of the three is enough for everything else: to run a Pod with any service account, to rewrite a
Deployment of kube-system, to change a webhook.

Before:

    rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, patch]}]

After:

    rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, patch]}]`,
		remediation: `Name the groups and resources that the subject writes. A controller that writes whatever it is told to, such as one for
continuous delivery, is given a service account for each team, with the rights of that team.`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "AC-6(5)"}, cis: []string{"5.1.1", "5.1.3"},
		may:     "write every resource",
		clauses: [][]ask{{{group: "*", resources: []string{"*"}, verbs: []string{"create", "update", "patch"}}}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityMedium, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin"}, leads: toAdmin,
	},
	{
		id: "rbac-wildcard-delete", title: "Right to delete every resource",
		doc: `A role allows to delete every resource of every API group: whole namespaces, the volumes with their data, the
policies and webhooks that guard the cluster.

Before:

    rules: [{apiGroups: ["*"], resources: ["*"], verbs: [delete, deletecollection]}]

After:

    rules: [{apiGroups: [batch], resources: [jobs], verbs: [delete]}]`,
		remediation: "Name the groups and resources that the subject cleans up, and bind the role where they are.",
		cis:         []string{"5.1.3"},
		may:         "delete every resource",
		clauses:     [][]ask{{{group: "*", resources: []string{"*"}, verbs: []string{"delete", "deletecollection"}}}},
		cluster:     nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"},
	},
	{
		id: "rbac-wildcard-read", title: "Read access to every resource",
		doc: `A role allows to get, list or watch every resource of every API group. Secrets are among them, and with them the tokens
and passwords of everything that runs.

Before:

    rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}]

After: the role view, which leaves Secrets out, or the kinds that are read.

    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}`,
		remediation: `Bind the role view of Kubernetes, which has everything but Secrets and the objects of RBAC, or name the kinds that are
read. Custom resources join view when their roles are labelled rbac.authorization.k8s.io/aggregate-to-view.`,
		cis:     []string{"5.1.2", "5.1.3"},
		may:     "read every resource, Secrets included,",
		clauses: [][]ask{{{group: "*", resources: []string{"*"}, verbs: []string{"get", "list", "watch"}}}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin"}, readsSecrets: true,
	},
	{
		id: "rbac-wildcard-url", title: "Access to every path that is no resource",
		doc: `A role opens every path of the API server that is no resource: metrics, logs, profiles and the flags of the server,
and whatever an aggregated API serves beside its resources.

Before:

    rules: [{nonResourceURLs: ["*"], verbs: [get]}]

After:

    rules: [{nonResourceURLs: [/metrics], verbs: [get]}]`,
		remediation: "Name the paths that are read: /metrics for a monitoring agent, /healthz, /livez and /readyz for a probe.",
		cis:         []string{"5.1.3"},
		may:         "reach every path that is no resource",
		rules:       starURLs, clusterOnly: true,
		cluster: nist190.SeverityMedium,
	},
	{
		id: "rbac-wildcard", title: "Wildcard in a rule of Kubernetes' own resources",
		doc: `A rule says "*" for the verbs, the resources or the API groups and so gives more than its author listed: verbs such as
impersonate, bind and escalate, subresources such as pods/exec and nodes/proxy, and what later versions of Kubernetes
add. Rules of custom resources, whose owner knows all of them, pass.

Before:

    rules: [{apiGroups: [apps], resources: ["*"], verbs: ["*"]}]

After:

    rules: [{apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, update]}]`,
		remediation: "Write the verbs and resources out. kubectl api-resources -o wide lists what there is of a group.",
		cis:         []string{"5.1.3"},
		may:         "do what no rule spells out",
		rules:       starRules,
		cluster:     nist190.SeverityLow, local: nist190.SeverityLow, privileged: nist190.SeverityLow,
		// Where the wildcard gives a right that another check names, that one explains it.
		saidBy: []string{
			"rbac-core-admin", "rbac-wildcard-write", "rbac-wildcard-delete", "rbac-wildcard-read", "rbac-escalate-cluster-roles",
			"rbac-escalate-roles", "rbac-bind-cluster-roles", "rbac-bind-roles", "rbac-role-write", "rbac-impersonate",
			"rbac-impersonate-service-accounts", "rbac-secret-read", "rbac-token-secret-mint", "rbac-token-request",
			"rbac-workload-write", "rbac-pod-exec", "rbac-node-proxy", "rbac-webhook-write", "rbac-system-config-write",
		},
	},
}

// everyVerb asks for each of the verbs of requests, so that several rules can share the work.
func everyVerb(group, resource string) [][]ask {
	out := make([][]ask, len(requestVerbs))
	for i, v := range requestVerbs {
		out[i] = []ask{{group: group, resources: []string{resource}, verbs: []string{v}}}
	}
	return out
}

func starURLs(rules []rbacv1.PolicyRule) []int {
	return which(rules, func(r *rbacv1.PolicyRule) bool {
		return slices.ContainsFunc(r.NonResourceURLs, func(u string) bool { return urlCovers(u, "/") && u != "/" })
	})
}

// starRules are those with a wildcard that reaches a group of Kubernetes itself: names of such groups have no dot or end
// in k8s.io.
func starRules(rules []rbacv1.PolicyRule) []int {
	return which(rules, func(r *rbacv1.PolicyRule) bool {
		return slices.Contains(r.APIGroups, rbacv1.APIGroupAll) && len(r.Resources) > 0 ||
			slices.ContainsFunc(r.APIGroups, builtInGroup) && (slices.Contains(r.Resources, rbacv1.ResourceAll) || slices.Contains(r.Verbs, rbacv1.VerbAll))
	})
}

func which(rules []rbacv1.PolicyRule, is func(*rbacv1.PolicyRule) bool) []int {
	var out []int
	for i := range rules {
		if is(&rules[i]) {
			out = append(out, i)
		}
	}
	return out
}

// builtInGroups are the API groups that kube-apiserver serves (pkg/apis of Kubernetes).
var builtInGroups = []string{
	"", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
	"authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
	"events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io",
	"node.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
	"storagemigration.k8s.io",
}

func builtInGroup(group string) bool { return slices.Contains(builtInGroups, group) }
