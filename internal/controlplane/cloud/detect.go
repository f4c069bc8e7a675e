package cloud

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

// Sign is what gives a vendor's control plane away.
type Sign struct {
	Vendor Vendor
	Why    string // for people
	process.Place
}

// prefixes of the labels that the vendors' own node agents set. They are not those of the cloud providers, which
// self-made clusters on the same machines have too.
var prefixes = []struct {
	prefix string
	vendor Vendor
}{
	{"eks.amazonaws.com/", EKS}, {"cloud.google.com/gke-", GKE}, {"kubernetes.azure.com/", AKS},
}

// Detect tells the vendor of a cluster from its nodes and its version. It is false where nothing does, where signs of two
// vendors meet, and where a node says that it belongs to a control plane: vendors do not show theirs.
func Detect(inv *inventory.Inventory) (Sign, bool) {
	var found Sign
	conflict := false
	see := func(s Sign) {
		if found.Vendor != "" && found.Vendor != s.Vendor {
			conflict = true
		}
		if found.Vendor == "" {
			found = s
		}
	}
	for o, n := range inventory.Typed[corev1.Node](inv) {
		for _, role := range [...]string{"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"} {
			if _, ok := n.Labels[role]; ok {
				return Sign{}, false
			}
		}
		if s, ok := nodeSign(o, n); ok {
			see(s)
		}
	}
	for o := range inv.ByKind(inventory.Need{Format: format.Version}.GroupKind()) {
		git, _ := o.Unstructured().Object["gitVersion"].(string)
		if v, ok := VendorOf(git); ok {
			see(Sign{v, "the version " + git, process.At(o, "gitVersion")})
		}
	}
	return found, found.Vendor != "" && !conflict
}

func nodeSign(o *inventory.Object, n *corev1.Node) (Sign, bool) {
	for _, p := range prefixes {
		for k := range n.Labels {
			if strings.HasPrefix(k, p.prefix) && runsAt(p.vendor, n.Spec.ProviderID) {
				return Sign{p.vendor, "labels " + p.prefix + "* of a node", process.At(o, "metadata", "labels")}, true
			}
		}
	}
	if v, ok := VendorOf(n.Status.NodeInfo.KubeletVersion); ok && runsAt(v, n.Spec.ProviderID) {
		return Sign{v, "the kubelet's version " + n.Status.NodeInfo.KubeletVersion,
			process.At(o, "status", "nodeInfo", "kubeletVersion")}, true
	}
	return Sign{}, false
}

// runsAt: the machine is one of the vendor's cloud, or does not say whose it is. Hybrid nodes of EKS have a scheme of
// their own.
func runsAt(v Vendor, providerID string) bool {
	scheme, _, ok := strings.Cut(providerID, "://")
	if !ok {
		return true
	}
	switch v {
	case EKS:
		return scheme == "aws" || scheme == "eks-hybrid"
	case GKE:
		return scheme == "gce"
	}
	return scheme == "azure"
}

// VendorOf reads the suffix that vendors give their builds: v1.33.5-eks-3abbec1, v1.33.4-gke.1245000. AKS has none.
func VendorOf(gitVersion string) (Vendor, bool) {
	switch {
	case strings.Contains(gitVersion, "-eks-"):
		return EKS, true
	case strings.Contains(gitVersion, "-gke."):
		return GKE, true
	}
	return "", false
}

// NodeNeeds are the kinds that [Detect] reads.
func NodeNeeds() []inventory.Need {
	return []inventory.Need{
		{Kind: "Node", Resource: "nodes", Bias: inventory.Alternative},
		{Format: format.Version, Bias: inventory.Alternative},
	}
}
