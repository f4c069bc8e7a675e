package rbac

import "github.com/nist190/nist190"

// podsPowers are rights to run code, in Pods and on nodes.
var podsPowers = []power{
	{
		id: "rbac-workload-write", title: "Right to run Pods as any service account",
		doc: `A role allows to create Pods, or to create or change what makes them: Deployments, DaemonSets, StatefulSets, ReplicaSets,
Jobs, CronJobs, ReplicationControllers. The Pod runs as any service account of the namespace and mounts any Secret of it
and, where Pod Security does not enforce a profile, the host's disk. Names do not limit it: a create has none.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [apps], resources: [deployments], verbs: [create, update, patch]}]

After: a RoleBinding in the namespaces that the subject deploys to.

    kind: RoleBinding
    rules: [{apiGroups: [apps], resources: [deployments], verbs: [create, update, patch]}]`,
		remediation: `Bind the role in the namespaces that the subject deploys to. Keep service accounts with wide rights in namespaces of their
own, and enforce the Pod Security profile baseline or restricted where Pods of others run.`,
		claims: []string{"1a", "1c", "1d"}, cis: []string{"5.1.4"},
		may: "run Pods as any service account",
		clauses: [][]ask{{
			{group: "", resources: []string{"pods"}, verbs: []string{"create"}},
			{group: "", resources: []string{"replicationcontrollers"}, verbs: write},
			{group: "apps", resources: []string{"deployments", "daemonsets", "statefulsets", "replicasets"}, verbs: write},
			{group: "batch", resources: []string{"jobs", "cronjobs"}, verbs: write},
		}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityInfo, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"}, leads: toAccounts,
	},
	{
		id: "rbac-pod-exec", title: "Right to a shell in every container",
		doc: `A role allows to run commands in running containers: with pods/exec, pods/attach or an ephemeral container. Whoever does
has the token of the Pod's service account and all data that it has mounted, past every admission policy for Pods.

Before Kubernetes 1.35 the verb get on exec and attach is enough, since a WebSocket begins with a GET
(AuthorizePodWebsocketUpgradeCreatePermission).

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [""], resources: [pods/exec], verbs: [create]}]

After: the namespaces that the subject debugs, for as long as it does.

    kind: RoleBinding
    rules: [{apiGroups: [""], resources: [pods/exec], verbs: [create]}]`,
		remediation: `Bind the role in the namespaces that are debugged, to people and not to software, and let a tool that records it grant it
for a limited time. Production can be debugged without it: logs, metrics, a copy of the Pod.`,
		claims: []string{"1a", "1c", "1d"},
		may:    "open a shell in every container",
		clauses: [][]ask{{
			{group: "", resources: []string{"pods/exec", "pods/attach"}, verbs: []string{"create"}},
			{group: "", resources: []string{"pods/exec", "pods/attach"}, verbs: []string{"get"}, below: 35},
			{group: "", resources: []string{"pods/ephemeralcontainers"}, verbs: []string{"update", "patch"}},
		}},
		cluster: nist190.SeverityHigh, local: nist190.SeverityLow, privileged: nist190.SeverityHigh,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"}, leads: toAccounts,
	},
	{
		id: "rbac-pod-update", title: "Right to change every running Pod",
		doc: `A role allows to change Pods: a new image runs in place of the old one with the same service account and volumes, and a
changed label takes a Pod out of its policies or puts a foreign one behind a Service.

Before:

    rules: [{apiGroups: [""], resources: [pods], verbs: [get, list, patch]}]

After:

    rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]`,
		remediation: "Change what makes the Pods, not the Pods; for conditions and labels of its own a controller has pods/status, or annotates its own object.",
		claims:      []string{"1a", "1c"},
		may:         "change every Pod",
		clauses:     [][]ask{{{group: "", resources: []string{"pods"}, verbs: []string{"update", "patch"}}}},
		cluster:     nist190.SeverityMedium, local: nist190.SeverityInfo, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write", "rbac-pod-exec"}, leads: toAccounts,
	},
	{
		id: "rbac-pod-proxy", title: "Right to connect to every Pod or Service through the API server",
		doc: `pods/portforward, pods/proxy and services/proxy let their holder connect to any port of Pods and Services, from the API
server or the kubelet: network policies see neither.

Before:

    rules: [{apiGroups: [""], resources: [pods/portforward, services/proxy], verbs: ["*"]}]

After: the Service that is meant.

    rules: [{apiGroups: [""], resources: [services/proxy], verbs: [get], resourceNames: ["http:grafana:80"]}]`,
		remediation: "Publish what people need by an Ingress or Gateway that authenticates them; bind portforward in the namespaces that are debugged.",
		claims:      []string{"1a", "3c"}, controls: []string{"AC-4", "AC-6", "SC-7"},
		may: "connect to every Pod or Service",
		clauses: [][]ask{{
			{group: "", resources: []string{"pods/portforward"}, verbs: []string{"create"}},
			{group: "", resources: []string{"pods/portforward"}, verbs: []string{"get"}, below: 35},
			{group: "", resources: []string{"pods/proxy", "services/proxy"}, verbs: []string{"get", "create", "update", "patch", "delete"}},
		}},
		cluster: nist190.SeverityMedium,
		saidBy:  []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-pod-exec"},
	},
	{
		id: "rbac-node-proxy", title: "Right to the kubelet of every node",
		doc: `Any verb on nodes/proxy reaches the kubelet's own API, and there runs commands in every container of the node: with get,
since a WebSocket begins with a GET. The API server writes no audit of it when the kubelet is asked directly, and no
admission policy sees it (pkg/kubelet/server/auth.go).

Since Kubernetes 1.36 the kubelet asks for nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz and
nodes/configz where an agent needs no more.

Before:

    rules: [{apiGroups: [""], resources: [nodes/proxy], verbs: [get]}]

After:

    rules: [{apiGroups: [""], resources: [nodes/metrics, nodes/stats], verbs: [get]}]`,
		remediation: "Replace nodes/proxy by the subresources that the agent reads: nodes/metrics and nodes/stats for metrics, nodes/log for logs, nodes/pods for the list of Pods.",
		claims:      []string{"1a", "5d"}, controls: []string{"AC-3", "AC-6", "AU-2"},
		may:         "run commands in every container through the kubelet",
		clauses:     [][]ask{{{group: "", resources: []string{"nodes/proxy"}, verbs: []string{"get", "create", "update", "patch", "delete"}, anyName: true}}},
		clusterOnly: true, cluster: nist190.SeverityHigh, leads: toNodes,
		saidBy: []string{"rbac-core-admin"},
	},
	{
		id: "rbac-node-files", title: "Right to read files or memory of nodes",
		doc: `nodes/log reads what is in /var/log of a node, and with NodeLogQuery its journal; nodes/checkpoint writes the memory of a
container to the node's disk; nodes/configz shows the kubelet's configuration.

Before:

    rules: [{apiGroups: [""], resources: ["nodes/*", nodes/log, nodes/checkpoint], verbs: [get, create]}]

After:

    rules: [{apiGroups: [""], resources: [nodes/metrics], verbs: [get]}]`,
		remediation: "Drop what the agent does not read; let an agent on the node collect its logs.",
		claims:      []string{"1a", "5d"},
		may:         "read files or memory of nodes",
		clauses: [][]ask{{
			{group: "", resources: []string{"nodes/log"}, verbs: []string{"get"}},
			{group: "", resources: []string{"nodes/checkpoint"}, verbs: []string{"create"}},
		}},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard", "rbac-node-proxy"},
	},
	{
		id: "rbac-persistent-volume-write", title: "Right to mount the disks of nodes by volumes",
		doc: `Whoever can create PersistentVolumes and Pods, or claims that Pods of others use, mounts any path of a node: a volume of
type hostPath behind a claim is nothing that Pod Security looks at.

Before:

    rules:
    - {apiGroups: [""], resources: [persistentvolumes], verbs: [create]}
    - {apiGroups: [""], resources: [pods, persistentvolumeclaims], verbs: [create]}

After: claims of a StorageClass, whose provisioner makes the volumes.`,
		remediation: "Leave volumes to provisioners. An admission policy that refuses hostPath and local volumes closes the way for everybody.",
		claims:      []string{"1a", "5d"}, cis: []string{"5.1.9"},
		may: "mount the disks of nodes by volumes",
		clauses: [][]ask{
			{{group: "", resources: []string{"persistentvolumes"}, verbs: []string{"create"}}},
			{
				{group: "", resources: []string{"pods", "persistentvolumeclaims"}, verbs: []string{"create"}},
				{group: "apps", resources: []string{"deployments", "daemonsets", "statefulsets", "replicasets"}, verbs: write},
				{group: "batch", resources: []string{"jobs", "cronjobs"}, verbs: write},
			},
		},
		clusterOnly: true, cluster: nist190.SeverityMedium, leads: toNodes,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write"},
	},
	{
		id: "rbac-pod-steal", title: "Right to draw Pods to a node of one's choice",
		doc: `Whoever can keep nodes from taking Pods (nodes or nodes/status) and remove Pods (delete, evict, or their status) moves a
Pod with wide rights to a node that they hold, and takes its token there.

Before:

    rules:
    - {apiGroups: [""], resources: [nodes], verbs: [patch]}
    - {apiGroups: [""], resources: [pods], verbs: [delete]}

After: one of the two.`,
		remediation: "Give a tool that drains nodes the eviction of Pods and no delete, and only while it runs; give agents that label nodes neither.",
		claims:      []string{"1a", "5d", "5e"},
		may:         "draw Pods to a node of its choice",
		clauses: [][]ask{
			{{group: "", resources: []string{"nodes", "nodes/status"}, verbs: []string{"update", "patch"}}},
			{
				{group: "", resources: []string{"pods"}, verbs: append([]string{"update", "patch"}, deletes...)},
				{group: "", resources: []string{"pods/eviction"}, verbs: []string{"create"}},
				{group: "", resources: []string{"pods/status"}, verbs: []string{"update", "patch"}},
			},
		},
		clusterOnly: true, cluster: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write", "rbac-node-proxy", "rbac-pod-update"},
	},
	{
		id: "rbac-node-write", title: "Right to change nodes",
		doc: `A role allows to change Node objects or their status: labels that Pods are pinned by, taints that keep others away, and
addresses that the API server connects to.

Before:

    rules: [{apiGroups: [""], resources: [nodes], verbs: [get, patch]}]

After:

    rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]`,
		remediation: "Let the kubelet set what is known when a node joins, and one controller that is reviewed do the rest.",
		claims:      []string{"1a", "4c"}, controls: []string{"AC-6", "CM-5"},
		may:         "change nodes",
		clauses:     [][]ask{{{group: "", resources: []string{"nodes", "nodes/status"}, verbs: []string{"update", "patch"}}}},
		clusterOnly: true, cluster: nist190.SeverityLow,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write", "rbac-node-proxy", "rbac-pod-steal"},
	},
	{
		id: "rbac-pod-status-write", title: "Right to change the status of every Pod",
		doc: `A role allows to write the status of Pods: a Pod that is made ready, or given another address, receives the requests to a
Service that it is not meant for.

Before:

    rules: [{apiGroups: [""], resources: [pods/status], verbs: [patch]}]

After: a readiness gate is set by a role in the namespace.`,
		remediation: "Bind the role in the namespaces whose Pods the controller reports on.",
		may:         "change the status of every Pod",
		clauses:     [][]ask{{{group: "", resources: []string{"pods/status"}, verbs: []string{"update", "patch"}}}},
		cluster:     nist190.SeverityLow,
		saidBy:      []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write", "rbac-pod-update", "rbac-pod-steal", "rbac-pod-exec"},
	},
	{
		id: "rbac-pod-binding", title: "Right to put Pods on nodes past the scheduler",
		doc: `create on pods/binding or bindings puts a Pod on any node, whatever its selectors, affinities and the node's taints say:
what keeps sensitivity levels apart.

Before:

    rules: [{apiGroups: [""], resources: [pods/binding], verbs: [create]}]

After: the scheduler's own role, system:kube-scheduler, for a scheduler and for nobody else.`,
		remediation: "Take the right from everything that is no scheduler.",
		claims:      []string{"1a", "4b", "4c"},
		may:         "put Pods on any node past the scheduler",
		clauses:     [][]ask{{{group: "", resources: []string{"pods/binding", "bindings"}, verbs: []string{"create"}}}},
		cluster:     nist190.SeverityMedium,
		saidBy:      []string{"rbac-core-admin", "rbac-wildcard-write", "rbac-workload-write"},
	},
	{
		id: "rbac-namespace-write", title: "Right to change the labels of namespaces",
		doc: `Labels of a namespace say which Pod Security profile holds, which webhooks and network policies apply and which
sensitivity level it has. Whoever can change them lifts all of that. A request for a namespace counts as being in it, so
that a Role in the namespace gives it for that one.

Before:

    kind: Role
    metadata: {name: team, namespace: shop}
    rules: [{apiGroups: [""], resources: ["*"], verbs: [get, patch]}]

After: the resources that the team changes.`,
		remediation: "Let administrators label namespaces, or an operator for tenants that sets the labels itself; name the resources in roles of teams.",
		claims:      []string{"1a", "4a"}, controls: []string{"AC-6", "CM-5"},
		may:     "change the labels of namespaces, and with them the policies that hold",
		clauses: [][]ask{{{group: "", resources: []string{"namespaces"}, verbs: []string{"update", "patch"}}}},
		cluster: nist190.SeverityMedium, local: nist190.SeverityLow, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-core-admin", "rbac-wildcard-write"},
	},
	{
		id: "rbac-deputy-write", title: "Right to have an operator act with its rights",
		doc: `Objects of some operators say what the operator shall deploy, restore or run, and it does so with its own rights, often all
there are: an Application of Argo CD, a Kustomization or HelmRelease of Flux, a Workflow, a TaskRun or PipelineRun, a
Restore of Velero, an EC2NodeClass of Karpenter, an Object of Crossplane. Whoever can write such objects in all
namespaces acts as the operator.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [argoproj.io], resources: [applications], verbs: [create, patch]}]

After: a RoleBinding in the namespace of the team, and a project or service account that limits what is deployed from it.

    kind: RoleBinding
    rules: [{apiGroups: [argoproj.io], resources: [applications], verbs: [create, patch]}]`,
		remediation: `Bind the role in the namespaces of the team and limit the operator there: AppProjects with destinations, spec.serviceAccountName
of Flux with --default-service-account, a service account for each run.`,
		claims: []string{"1a", "1d"},
		may:    "have an operator act with its rights",
		clauses: [][]ask{{
			{group: "argoproj.io", resources: []string{"applications", "applicationsets", "workflows", "cronworkflows"}, verbs: write},
			{group: "kustomize.toolkit.fluxcd.io", resources: []string{"kustomizations"}, verbs: write},
			{group: "helm.toolkit.fluxcd.io", resources: []string{"helmreleases"}, verbs: write},
			{group: "tekton.dev", resources: []string{"taskruns", "pipelineruns"}, verbs: write},
			{group: "velero.io", resources: []string{"restores"}, verbs: write},
			{group: "karpenter.k8s.aws", resources: []string{"ec2nodeclasses"}, verbs: write},
			{group: "kubernetes.crossplane.io", resources: []string{"objects"}, verbs: write},
		}},
		cluster: nist190.SeverityMedium,
		saidBy:  []string{"rbac-wildcard-write"},
	},
}
