// Package cloud reads what is written down of managed clusters into one model: the output of the clouds' command lines,
// Terraform plans, eksctl and the managed control planes of Cluster API. A question is asked of [Cluster], whatever file
// answers it. What a vendor states of all of its clusters is in [Assertions].
package cloud

import (
	"cmp"
	"sort"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

// Vendor runs the control plane.
type Vendor string

const (
	EKS Vendor = "Amazon EKS"
	GKE Vendor = "Google GKE"
	AKS Vendor = "Microsoft AKS"
)

// Cluster is one description of a managed cluster. Every value says whether it is known, and where it was written.
type Cluster struct {
	Vendor Vendor
	Name   string
	Source string // what kind of description it is, for people
	// Planned: it is what is asked for (Terraform, eksctl, Cluster API), not what the cloud reports.
	Planned bool
	process.Place

	Version  Value[string] // of Kubernetes, as the vendor writes it
	Platform Value[string] // platform version of EKS, release channel of GKE
	Regional Value[bool]   // the control plane has replicas in several zones
	// External: the control plane is not the vendor's (EKS Connector), or runs at the customer's (EKS on Outposts).
	External Value[bool]
	// NodesManaged: nodes are the vendor's as well (EKS Auto Mode, GKE Autopilot, AKS Automatic).
	NodesManaged Value[bool]

	PublicEndpoint  Value[bool]     // the API server has an address on the internet
	PrivateEndpoint Value[bool]     // it has one in the customer's network
	DNSEndpoint     Value[bool]     // GKE: it is reached from anywhere by name, behind the cloud's own authorization
	AllowedNetworks Value[[]string] // who reaches the public address; 0.0.0.0/0 is everybody

	// Directory authenticates users: "AWS IAM", "Google Cloud", "Microsoft Entra ID"; empty where there is none.
	Directory Value[string]
	// DirectoryAuthorizes: roles of the cloud give rights in the cluster, beside RBAC.
	DirectoryAuthorizes Value[bool]
	// LocalAccounts: certificates or passwords that the vendor hands out let in past the directory.
	LocalAccounts Value[bool]
	// ConfigMapAuth: the ConfigMap kube-system/aws-auth maps identities to users and groups.
	ConfigMapAuth Value[bool]
	// CreatorIsAdmin: who created the cluster administers it without a grant that one could see.
	CreatorIsAdmin Value[bool]
	// AdminGroups of the directory administer the cluster.
	AdminGroups Value[[]string]
	// GroupsFrom is the group whose nested groups RBAC may name (GKE).
	GroupsFrom Value[string]
	LegacyABAC Value[bool] // GKE: every service account administers the cluster

	Providers []IdentityProvider // OpenID Connect providers beside the directory

	Entries         []AccessEntry
	EntriesComplete Value[bool] // false or not known: principals may have rights that are not in Entries

	// SecretsKey is the customer's key that envelopes Secrets in etcd. Without one the vendor's own encryption is left.
	SecretsKey Value[Key]

	ControlPlaneLogs Value[[]string] // kinds of logs that are kept, in the vendor's words
	AuditLog         Value[bool]

	NetworkPolicy     Value[string] // what enforces it: "calico", "cilium", ...; empty where nothing does
	TransitEncryption Value[bool]   // between pods on different nodes
	IntranodeVisible  Value[bool]   // GKE: traffic within a node passes the network's rules

	WorkloadIdentity  Value[bool] // service accounts stand for identities of the cloud
	ImageVerification Value[bool] // GKE Binary Authorization
	PolicyAddon       Value[bool] // Azure Policy
	ThreatDetection   Value[bool] // Microsoft Defender
	ImageCleaner      Value[bool]
	SecretStore       Value[bool] // the vendor's secret manager is mounted by a driver
	VerifiedNodes     Value[bool] // GKE: nodes prove that they run on Google's machines (shielded nodes)
	ConfidentialNodes Value[bool] // memory of nodes is encrypted
	Pools             []Pool
	Addons            []Addon
}

// IdentityProvider is one whose tokens the API server of an EKS cluster accepts.
type IdentityProvider struct {
	Issuer         Value[string]
	Audience       Value[string]
	UsernamePrefix Value[string] // in front of every name
	GroupsPrefix   Value[string]
	process.Place
}

// Key is a key for data at rest.
type Key struct {
	Set       bool
	Name      string   // empty where it is going to be created
	Resources []string // that it encrypts; nil where the vendor does not say
}

// AccessEntry is what EKS gives an IAM principal.
type AccessEntry struct {
	Principal string
	Username  Value[string]
	Groups    Value[[]string] // of Kubernetes
	Type      Value[string]   // STANDARD, EC2_LINUX, ..., or [ConfigMapEntry]
	Policies  []AccessPolicy
	// PoliciesKnown: the policies are all there are.
	PoliciesKnown bool
	process.Place
}

// AccessPolicy is an EKS access policy that is associated with a principal.
type AccessPolicy struct {
	ARN         string
	ClusterWide Value[bool]
	Namespaces  []string
	process.Place
}

// ClusterAdmin reports the policy that gives every right in its scope.
func (p AccessPolicy) ClusterAdmin() bool {
	return strings.HasSuffix(p.ARN, "/AmazonEKSClusterAdminPolicy")
}

// Pool is a group of nodes alike.
type Pool struct {
	Name    string
	Version Value[string]
	Image   Value[string]

	DisksEncrypted Value[bool]
	DiskKey        Value[Key]  // the customer's
	HostEncryption Value[bool] // AKS: caches and temporary disks too

	RemoteLogin     Value[bool] // SSH is set up
	PublicAddresses Value[bool]
	SecureBoot      Value[bool]
	Integrity       Value[bool] // the boot is measured and compared
	Confidential    Value[bool]
	Sandbox         Value[string] // gvisor, kata; empty where containers share the kernel
	// MetadataHidden: pods do not reach the credentials of the node at the metadata service.
	MetadataHidden Value[bool]
	ServiceAccount Value[string] // identity of the nodes
	process.Place
}

// Addon is one that the vendor installs.
type Addon struct {
	Name    string
	Version Value[string]
	// Settings as JSON without what could be a credential; empty where the defaults count.
	Settings Value[string]
	process.Place
}

// Found is what the files of an inventory say of managed clusters.
type Found struct {
	Clusters []Cluster // by vendor, name, and what the cloud reports before what is planned
	Problems []inventory.Problem
}

// Needs are the kinds that [Find] reads.
func Needs() []inventory.Need {
	var out []inventory.Need
	for _, f := range [...]string{format.EKSCluster, format.EKSAccessEntries, format.EKSAccessEntry,
		format.EKSAccessPolicies,
		format.EKSAddon, format.EKSNodegroup, format.GKECluster, format.AKSCluster, format.TerraformPlan} {
		out = append(out, inventory.Need{Format: f, Bias: inventory.Alternative})
	}
	for _, k := range managedKinds {
		out = append(out, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: strings.ToLower(k.Kind) + "s",
			Bias: inventory.Alternative})
	}
	return out
}

// Find reads every description. One that is of a wrong shape costs the values that it spoils, each a problem.
func Find(inv *inventory.Inventory) Found {
	f := &finder{inv: inv}
	f.eks()
	f.gke()
	f.aks()
	f.terraform()
	f.managed()
	sort.SliceStable(f.out.Clusters, func(i, j int) bool {
		a, b := &f.out.Clusters[i], &f.out.Clusters[j]
		if c := cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Name, b.Name)); c != 0 {
			return c < 0
		}
		return !a.Planned && b.Planned
	})
	return f.out
}

type finder struct {
	inv *inventory.Inventory
	out Found
}

// each calls do with the root of every object of a format.
func (f *finder) each(name string, do func(node)) {
	for o := range f.inv.ByKind(inventory.Need{Format: name}.GroupKind()) {
		do(f.root(o))
	}
}

func (f *finder) root(o *inventory.Object) node {
	return node{f: f, v: o.Unstructured().Object, state: present, place: process.At(o)}
}

func (f *finder) add(c Cluster) { f.out.Clusters = append(f.out.Clusters, c) }

// named are the descriptions of a cluster among those that were added from index from on.
func (f *finder) named(v Vendor, name string, from int) []*Cluster {
	var out []*Cluster
	for i := from; i < len(f.out.Clusters); i++ {
		if c := &f.out.Clusters[i]; c.Vendor == v && (c.Name == name || name == "") {
			out = append(out, c)
		}
	}
	return out
}
