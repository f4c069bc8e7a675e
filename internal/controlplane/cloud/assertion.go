package cloud

import "github.com/nist190/nist190/inventory"

// Claim is what a vendor states of every cluster that it runs.
type Claim string

const (
	// EtcdEnveloped: all API data is encrypted before it reaches etcd.
	EtcdEnveloped Claim = "API data is encrypted before it is stored"
	// EtcdAtRest: the storage below etcd is encrypted.
	EtcdAtRest Claim = "storage of the control plane is encrypted"
	// DisksAtRest: disks of nodes are encrypted, with the vendor's keys where the customer has none.
	DisksAtRest Claim = "disks are encrypted"
	// NodeRestrictionOn: the admission plugin NodeRestriction is enabled.
	NodeRestrictionOn Claim = "NodeRestriction is enabled"
	// QuorumSurvives: the control plane, etcd included, survives the loss of one machine or zone.
	QuorumSurvives Claim = "the control plane survives the loss of a zone"
	// WritesAudited: changes by the API are logged, and nobody can turn that off.
	WritesAudited Claim = "changes are logged"
)

// Assertion is a row of what vendors document. It proves no more than [inventory.VendorAsserted].
type Assertion struct {
	Vendor    Vendor
	Claim     Claim
	Statement string
	// Since is the first Kubernetes minor for which it is stated; zero for every one.
	Since inventory.Version
	// Through is the last minor that the document lists; zero where it speaks of all.
	Through inventory.Version
	// Regional: it is stated of clusters whose control plane is spread over zones only.
	Regional bool
	Document string
	Read     string // date, as 2006-01-02
}

// Assertions are all rows.
func Assertions() []Assertion {
	const read = "2026-11-25"
	return []Assertion{
		{Vendor: EKS, Claim: EtcdEnveloped, Since: inventory.Version{Major: 1, Minor: 28}, Read: read,
			Statement: "envelope encryption of all Kubernetes API data with KMS v2 and a key that AWS owns, unless the customer brings one",
			Document:  "https://docs.aws.amazon.com/eks/latest/userguide/envelope-encryption.html"},
		{Vendor: EKS, Claim: EtcdAtRest, Read: read,
			Statement: "volumes of etcd are encrypted at the level of the disk with keys that AWS manages",
			Document:  "https://aws.amazon.com/blogs/containers/using-eks-encryption-provider-support-for-defense-in-depth/"},
		{Vendor: EKS, Claim: NodeRestrictionOn, Since: inventory.Version{Major: 1, Minor: 21},
			Through: inventory.Version{Major: 1, Minor: 32}, Read: read,
			Statement: "the admission controller NodeRestriction is enabled for all platform versions",
			Document:  "https://docs.aws.amazon.com/eks/latest/userguide/platform-versions.html"},
		{Vendor: EKS, Claim: QuorumSurvives, Regional: true, Read: read,
			Statement: "at least two API servers and three members of etcd run across three availability zones",
			Document:  "https://docs.aws.amazon.com/eks/latest/userguide/eks-architecture.html"},
		{Vendor: GKE, Claim: EtcdAtRest, Read: read,
			Statement: "customer content is encrypted at rest by default, Secrets included",
			Document:  "https://cloud.google.com/kubernetes-engine/docs/how-to/encrypting-secrets"},
		{Vendor: GKE, Claim: QuorumSurvives, Regional: true, Read: read,
			Statement: "the control plane is replicated across three zones of a region",
			Document:  "https://cloud.google.com/kubernetes-engine/docs/concepts/regional-clusters"},
		{Vendor: GKE, Claim: WritesAudited, Read: read,
			Statement: "Admin Activity audit logs are always written and cannot be configured, excluded or disabled",
			Document:  "https://cloud.google.com/logging/docs/audit"},
		{Vendor: GKE, Claim: DisksAtRest, Read: read,
			Statement: "Compute Engine encrypts customer content at rest by default",
			Document:  "https://cloud.google.com/compute/docs/disks/disk-encryption"},
		{Vendor: AKS, Claim: DisksAtRest, Read: read,
			Statement: "Azure encrypts all data in a managed disk at rest, by default with keys that Microsoft manages",
			Document:  "https://learn.microsoft.com/azure/aks/azure-disk-customer-managed-keys"},
		{Vendor: AKS, Claim: EtcdAtRest, Read: read,
			Statement: "Azure Storage encrypts all data at rest with 256-bit AES, always",
			Document:  "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts"},
	}
}

// Asserted is what the vendor of a cluster states for its version. It is false where the condition of the statement does
// not hold or is not known to: a cluster outside of the vendor's own sites, a version that the document does not list, a
// control plane in one zone.
func (c *Cluster) Asserted(claim Claim) (Assertion, bool) {
	if !c.External.Known || c.External.V {
		return Assertion{}, false
	}
	for _, a := range Assertions() {
		if a.Vendor == c.Vendor && a.Claim == claim && a.holds(c.Version, c.Regional) {
			return a, true
		}
	}
	return Assertion{}, false
}

func (a Assertion) holds(version Value[string], regional Value[bool]) bool {
	if a.Regional && !(regional.Known && regional.V) {
		return false
	}
	if a.Since == (inventory.Version{}) {
		return true
	}
	v, err := inventory.ParseVersion(version.V)
	if !version.Known || err != nil || !v.AtLeast(a.Since.Major, a.Since.Minor) {
		return false
	}
	return a.Through == (inventory.Version{}) || a.Through.AtLeast(v.Major, v.Minor)
}
