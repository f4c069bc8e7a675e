package rbac

import (
	"github.com/nist190/nist190"
)

const admissionGroup = "admissionregistration.k8s.io"

// changes are all verbs that leave an object other than it was.
var changes = []string{"create", "update", "patch", "delete", "deletecollection"}

// clusterPowers are rights on what guards, extends and connects the cluster.
var clusterPowers = []power{
	{
		id: "rbac-webhook-write", title: "Right to change admission webhooks",
		doc: `A mutating webhook sees every object that is written, Secrets among them, and changes it before it is stored: whoever can
register one puts a container into every Pod. Whoever can delete or change those that are there takes the policies away
that they enforce.

Before:

    rules: [{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [update, patch]}]

After: the webhook that is the subject's own.

    rules: [{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [update, patch], resourceNames: [injector]}]`,
		remediation: "List the subject's own webhook in resourceNames, and create it when it is installed.",
		claims:      []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "CM-5"}, cis: []string{"5.1.12"},
		may:         "change admission webhooks",
		clauses:     [][]ask{{{group: admissionGroup, resources: []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}, verbs: changes}}},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toAdmin,
		saidBy: []string{"rbac-wildcard-write", "rbac-wildcard-delete"},
	},
	{
		id: "rbac-admission-policy-write", title: "Right to change admission policies",
		doc: `ValidatingAdmissionPolicies and MutatingAdmissionPolicies, and their bindings, are rules that the API server itself
applies to what is written. Whoever can change them lifts the rules, or has every Pod rewritten.

Before:

    rules: [{apiGroups: [admissionregistration.k8s.io], resources: [validatingadmissionpolicybindings], verbs: [delete]}]

After: the policies that the subject manages, by name.`,
		remediation: "Keep policies in version control and let one reviewed account apply them.",
		claims:      []string{"1a", "2a"}, controls: []string{"AC-3", "AC-6", "CM-5"},
		may: "change admission policies",
		clauses: [][]ask{{{group: admissionGroup, resources: []string{
			"validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
		}, verbs: changes}}},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-wildcard-delete", "rbac-webhook-write"},
	},
	{
		id: "rbac-custom-resource-definition-write", title: "Right to change custom resource definitions",
		doc: `Deleting a CustomResourceDefinition deletes every object of its kind, and with them what operators made of them. A
conversion webhook sees and changes every such object.

Before:

    rules: [{apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: ["*"]}]

After: definitions are installed with the operator, which then only reads them.

    rules: [{apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list, watch]}]`,
		remediation: "Install definitions along with the operator; where it updates them itself, list them in resourceNames.",
		controls:    []string{"AC-6", "CM-5"},
		may:         "change custom resource definitions",
		clauses:     [][]ask{{{group: "apiextensions.k8s.io", resources: []string{"customresourcedefinitions"}, verbs: changes}}},
		clusterOnly: true, cluster: nist190.SeverityLow,
		saidBy: []string{"rbac-wildcard", "rbac-wildcard-write", "rbac-wildcard-delete"},
	},
	{
		id: "rbac-api-service-write", title: "Right to serve an API group of the cluster",
		doc: `An APIService says which server answers for an API group. Whoever can change one receives the requests for the group with
the names of those who send them, and answers as they like.

Before:

    rules: [{apiGroups: [apiregistration.k8s.io], resources: [apiservices], verbs: [create, update]}]

After: the APIService that is the subject's own.

    rules: [{apiGroups: [apiregistration.k8s.io], resources: [apiservices], verbs: [update], resourceNames: [v1beta1.metrics.k8s.io]}]`,
		remediation: "List the subject's own APIService in resourceNames, and create it when it is installed.",
		controls:    []string{"AC-6", "CM-5", "SC-8"},
		may:         "answer for API groups of the cluster",
		clauses:     [][]ask{{{group: "apiregistration.k8s.io", resources: []string{"apiservices"}, verbs: changes}}},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-wildcard-delete"},
	},
	{
		id: "rbac-policy-engine-write", title: "Right to change the policies of Gatekeeper or Kyverno",
		doc: `The objects of a policy engine are what it enforces. Whoever can change them, or write an exception, lifts the policy, and
with a mutation has Pods rewritten.

Before:

    rules: [{apiGroups: [kyverno.io], resources: [clusterpolicies, policyexceptions], verbs: ["*"]}]

After:

    rules: [{apiGroups: [kyverno.io], resources: [clusterpolicies, policyexceptions], verbs: [get, list, watch]}]`,
		remediation: "Keep policies and exceptions in version control and let one reviewed account apply them.",
		controls:    []string{"AC-6", "CM-5"},
		may:         "change the policies of the policy engine",
		clauses: [][]ask{{
			{group: "templates.gatekeeper.sh", resources: []string{"constrainttemplates"}, verbs: changes},
			{group: "constraints.gatekeeper.sh", resources: []string{"*"}, verbs: changes},
			{group: "config.gatekeeper.sh", resources: []string{"configs"}, verbs: changes},
			{group: "mutations.gatekeeper.sh", resources: []string{"assign", "assignmetadata", "modifyset"}, verbs: changes},
			{group: "kyverno.io", resources: []string{"clusterpolicies", "policies", "policyexceptions"}, verbs: changes},
			{group: "policies.kyverno.io", resources: []string{"validatingpolicies", "mutatingpolicies", "policyexceptions"}, verbs: changes},
		}},
		cluster: nist190.SeverityMedium,
		saidBy:  []string{"rbac-wildcard-write", "rbac-wildcard-delete"},
	},
	{
		id: "rbac-network-write", title: "Right to change who is reached in all namespaces",
		doc: `A role allows to change network policies, or Services, Endpoints and EndpointSlices, Ingresses or routes, of every
namespace: its holder opens what is separated, or has the requests of others sent to itself.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [delete]}]

After: a RoleBinding in the namespaces of the team.`,
		remediation: "Bind the role in the namespaces of the team; a controller that only reports writes the status and nothing else.",
		claims:      []string{"1a", "3a"}, controls: []string{"AC-4", "AC-6", "SC-7"},
		may: "change network policies, or where requests go,",
		clauses: [][]ask{{
			{group: "networking.k8s.io", resources: []string{"networkpolicies", "ingresses", "ingressclasses"}, verbs: changes},
			{group: "policy.networking.k8s.io", resources: []string{"adminnetworkpolicies", "baselineadminnetworkpolicies"}, verbs: changes},
			{group: "cilium.io", resources: []string{"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"}, verbs: changes},
			{group: "crd.projectcalico.org", resources: []string{"networkpolicies", "globalnetworkpolicies"}, verbs: changes},
			{group: "projectcalico.org", resources: []string{"networkpolicies", "globalnetworkpolicies"}, verbs: changes},
			{group: "", resources: []string{"services", "endpoints"}, verbs: changes},
			{group: "discovery.k8s.io", resources: []string{"endpointslices"}, verbs: changes},
			{group: "gateway.networking.k8s.io", resources: []string{"gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes", "referencegrants"}, verbs: changes},
			{group: "networking.istio.io", resources: []string{"virtualservices", "gateways", "envoyfilters"}, verbs: changes},
			{group: "security.istio.io", resources: []string{"authorizationpolicies", "peerauthentications"}, verbs: changes},
		}},
		cluster: nist190.SeverityLow,
		saidBy:  []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-wildcard-delete", "rbac-workload-write"},
	},
	{
		id: "rbac-service-status-write", title: "Right to claim addresses for Services",
		doc: `Whoever can write the status of a Service gives it a load balancer's address of their choice, and requests of Pods to
that address end at the Service (CVE-2020-8554).

Before:

    rules: [{apiGroups: [""], resources: [services/status], verbs: [patch]}]

After: nobody but the controller of load balancers.`,
		remediation: "Take the right from everything that is no controller of load balancers.",
		claims:      []string{"1a", "3c"}, controls: []string{"AC-4", "AC-6"},
		may:     "claim addresses for Services",
		clauses: [][]ask{{{group: "", resources: []string{"services/status"}, verbs: []string{"update", "patch"}}}},
		cluster: nist190.SeverityLow,
		saidBy:  []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-network-write", "rbac-workload-write"},
	},
	{
		id: "rbac-storage-write", title: "Right to change where data is stored",
		doc: `A role allows to change StorageClasses or CSI drivers: volumes that are made from then on go where its holder says, without
encryption or to another provider.

Before:

    rules: [{apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [create, delete]}]

After:

    rules: [{apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch]}]`,
		remediation: "Leave StorageClasses to administrators; a provisioner reads them.",
		claims:      []string{"1a", "2d"}, controls: []string{"AC-6", "SC-28"},
		may:         "change where data is stored",
		clauses:     [][]ask{{{group: "storage.k8s.io", resources: []string{"storageclasses", "csidrivers"}, verbs: changes}}},
		clusterOnly: true, cluster: nist190.SeverityLow,
		saidBy: []string{"rbac-wildcard", "rbac-wildcard-write", "rbac-wildcard-delete"},
	},
	{
		id: "rbac-event-delete", title: "Right to delete events of all namespaces",
		doc: `Events tell what happened to Pods and nodes. Whoever can delete them in all namespaces removes traces.

Before:

    rules: [{apiGroups: [""], resources: [events], verbs: [deletecollection]}]

After:

    rules: [{apiGroups: [""], resources: [events], verbs: [create, patch]}]`,
		remediation: "Drop delete: events go by themselves after an hour. Send them, and audit, out of the cluster.",
		controls:    []string{"AC-6", "AU-9"},
		may:         "delete events",
		clauses: [][]ask{{
			{group: "", resources: []string{"events"}, verbs: deletes},
			{group: "events.k8s.io", resources: []string{"events"}, verbs: deletes},
		}},
		cluster: nist190.SeverityLow,
		saidBy:  []string{"rbac-core-admin", "rbac-wildcard", "rbac-wildcard-write", "rbac-wildcard-delete", "rbac-workload-write"},
	},
	{
		id: "rbac-workload-delete", title: "Right to delete what runs in all namespaces",
		doc: `A role allows to delete namespaces, or the volumes, Secrets, Services and workloads of every namespace: its holder takes
everything out of service, and its data with it.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [""], resources: [namespaces], verbs: [delete]}]

After: a RoleBinding in the namespaces that the subject cleans up.`,
		remediation: "Bind the role in the namespaces that the subject cleans up, and protect the others by an admission policy.",
		claims:      []string{"1a", "1c"}, controls: []string{"AC-6", "CP-9"},
		may: "delete what runs",
		clauses: [][]ask{{
			{group: "", resources: []string{"namespaces", "persistentvolumes", "persistentvolumeclaims", "secrets", "services"}, verbs: deletes},
			{group: "apps", resources: []string{"deployments", "daemonsets", "statefulsets"}, verbs: deletes},
		}},
		cluster: nist190.SeverityLow,
		saidBy: []string{
			"rbac-core-admin", "rbac-wildcard-write", "rbac-wildcard-delete", "rbac-workload-write", "rbac-network-write", "rbac-secret-read", "rbac-token-secret-mint",
		},
	},
	{
		id: "rbac-lease-write", title: "Right to take the leases of the control plane",
		doc: `The controller manager and the scheduler work while they hold a Lease in kube-system. Whoever can write it keeps them from
working: nothing is scheduled, and no Pod is replaced.

Before:

    kind: ClusterRole
    rules: [{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}]

After: a Role in the controller's own namespace, with the name of its lease.

    kind: Role
    rules: [{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, update], resourceNames: [my-controller]}]`,
		remediation: "Grant leases in a Role of the controller's own namespace.",
		controls:    []string{"AC-6", "SC-5"},
		may:         "take the leases of the control plane",
		clauses: [][]ask{{{group: "coordination.k8s.io", resources: []string{"leases"}, verbs: []string{"update", "patch", "delete"},
			names: []string{"kube-controller-manager", "kube-scheduler", "cloud-controller-manager"}}}},
		in:      []string{"kube-system"},
		cluster: nist190.SeverityLow, local: nist190.SeverityLow, privileged: nist190.SeverityLow,
		saidBy: []string{"rbac-wildcard-write", "rbac-workload-write"},
	},
}
