// Package format names the files without an apiVersion that are evidence of a cluster's configuration. Every format is a
// synthetic kind, under which inventory.Need.Format looks it up: a file of it is an object of [Group] whose kind is the
// format, whose fields are those of the file, or "text" where the file is no mapping.
package format

// Group and APIVersion are those of the objects.
const (
	Group      = "format.nist190.dev"
	APIVersion = Group + "/v1"
)

// The formats. Those of the clouds' command lines are named after the command that prints them.
const (
	EKSCluster        = "aws-eks-describe-cluster"
	EKSAccessEntries  = "aws-eks-list-access-entries"
	EKSAccessEntry    = "aws-eks-describe-access-entry"
	EKSAccessPolicies = "aws-eks-list-associated-access-policies"
	EKSAddon          = "aws-eks-describe-addon"
	EKSNodegroup      = "aws-eks-describe-nodegroup"
	GKECluster        = "gcloud-container-clusters-describe"
	AKSCluster        = "az-aks-show"
	AWSScalingGroups  = "aws-autoscaling-describe-auto-scaling-groups"
	GCEInstances      = "gcloud-compute-instance-groups-managed-list-instances"
	AzureInstances    = "az-vmss-list-instances"
	TerraformPlan     = "terraform-plan"  // terraform show -json of a plan
	K3sConfig         = "k3s-config"      // /etc/rancher/k3s/config.yaml and config.yaml.d
	RKE2Config        = "rke2-config"     // /etc/rancher/rke2/config.yaml and config.yaml.d
	KubeletConfigz    = "kubelet-configz" // /configz of a kubelet
	Flagz             = "flagz"           // /flagz of any component, as text
	Metrics           = "metrics"         // /metrics of an API server: the families that decide something
	Version           = "version"         // /version of an API server

	// Reports of scanners, of which package scanreport keeps a summary.
	KubeBench = "kube-bench"    // kube-bench --json
	XCCDF     = "xccdf-results" // results of XCCDF, or an asset report that holds them
	Osquery   = "osquery"       // results of osquery
	Trivy     = "trivy"         // trivy --format json
	CycloneDX = "cyclonedx"
	SPDX      = "spdx"
	OSV       = "osv" // an advisory
)

// TextField holds the content of a format that is no mapping. Its lines are placed one by one: the origin of the path
// ("text", n) is that of the n-th line, from 0.
const TextField = "text"

// TerraformType reports whether the values of a resource are evidence. Of all others of a plan only the address is kept.
func TerraformType(t string) bool {
	switch t {
	case "aws_eks_cluster", "aws_eks_access_entry", "aws_eks_access_policy_association", "aws_eks_node_group",
		"aws_eks_addon",
		"aws_launch_template",
		"google_container_cluster", "google_container_node_pool",
		"azurerm_kubernetes_cluster", "azurerm_kubernetes_cluster_node_pool":
		return true
	}
	return false
}
