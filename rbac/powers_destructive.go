package rbac

import (
	"github.com/nist190/nist190"
)

// destructivePowers are rights that end more than what runs: namespaces, volumes and definitions are among the powers of the
// cluster.
var destructivePowers = []power{
	{
		id: "rbac-cluster-delete", title: "Right to delete whole clusters or their nodes",
		doc: `Where a cluster manages others, through Cluster API, a cloud's controllers (AWS ACK, Google Config Connector, Azure Service
Operator) or Crossplane, an object is a cluster: whoever can delete it deletes the control plane, the nodes and what is
stored with them. The right looks like that on any custom resource.

Before:

    kind: ClusterRoleBinding
    rules: [{apiGroups: [cluster.x-k8s.io], resources: [clusters, machinedeployments], verbs: ["*"]}]

After: the controller alone deletes; people ask for it by a change that is reviewed.

    rules: [{apiGroups: [cluster.x-k8s.io], resources: [clusters, machinedeployments], verbs: [get, list, watch, patch]}]`,
		remediation: `Take delete and deletecollection out of roles of people and pipelines, and set the deletion policy or protection that the
controller has (spec.deletionPolicy: Orphan of Crossplane, deletion protection of the cloud).`,
		claims: []string{"1a", "2a"}, controls: []string{"AC-6(5)", "CP-9", "CP-10"},
		may: "delete clusters or their nodes",
		clauses: [][]ask{{
			{group: "cluster.x-k8s.io", resources: []string{"clusters", "machinedeployments", "machinepools", "machinesets", "machines"}, verbs: deletes},
			{group: "controlplane.cluster.x-k8s.io", resources: []string{"kubeadmcontrolplanes", "awsmanagedcontrolplanes", "gcpmanagedcontrolplanes"}, verbs: deletes},
			{group: "infrastructure.cluster.x-k8s.io", resources: []string{"awsclusters", "awsmanagedclusters", "azureclusters", "azuremanagedclusters",
				"azuremanagedcontrolplanes", "gcpclusters", "gcpmanagedclusters", "vsphereclusters"}, verbs: deletes},
			{group: "eks.services.k8s.aws", resources: []string{"clusters", "nodegroups"}, verbs: deletes},
			{group: "container.cnrm.cloud.google.com", resources: []string{"containerclusters", "containernodepools"}, verbs: deletes},
			{group: "containerservice.azure.com", resources: []string{"managedclusters", "managedclustersagentpools"}, verbs: deletes},
			{group: "eks.aws.upbound.io", resources: []string{"clusters", "nodegroups"}, verbs: deletes},
			{group: "container.gcp.upbound.io", resources: []string{"clusters", "nodepools"}, verbs: deletes},
			{group: "containerservice.azure.upbound.io", resources: []string{"kubernetesclusters", "kubernetesclusternodepools"}, verbs: deletes},
		}},
		cluster: nist190.SeverityMedium, local: nist190.SeverityMedium, privileged: nist190.SeverityMedium,
		saidBy: []string{"rbac-wildcard-write", "rbac-wildcard-delete"},
		limits: "Kinds of your own that compose clusters, such as Crossplane's composite resources, are not known.",
	},
}
