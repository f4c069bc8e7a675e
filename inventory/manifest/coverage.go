package manifest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/bootstrap"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/inventory"
)

// clusterOnly are kinds that nobody writes down, or that tell of control planes and nodes: absent from the manifests
// they are unknown and not absent from the cluster.
var clusterOnly = []schema.GroupKind{
	{Group: "", Kind: "Node"},
	{Group: "", Kind: "Event"},
	{Group: "", Kind: "Endpoints"},
	{Group: "", Kind: "ComponentStatus"},
	{Group: "", Kind: "Config"},
	{Group: "apps", Kind: "ControllerRevision"},
	{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest"},
	{Group: "coordination.k8s.io", Kind: "Lease"},
	{Group: "coordination.k8s.io", Kind: "LeaseCandidate"},
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"},
	{Group: "events.k8s.io", Kind: "Event"},
	{Group: "internal.apiserver.k8s.io", Kind: "StorageVersion"},
	{Group: "metrics.k8s.io", Kind: "NodeMetrics"},
	{Group: "metrics.k8s.io", Kind: "PodMetrics"},
	{Group: "networking.k8s.io", Kind: "IPAddress"},
	{Group: "networking.k8s.io", Kind: "ServiceCIDR"},
	{Group: "resource.k8s.io", Kind: "ResourceSlice"},
	{Group: "storage.k8s.io", Kind: "CSINode"},
	{Group: "storage.k8s.io", Kind: "CSIStorageCapacity"},
	{Group: "storage.k8s.io", Kind: "VolumeAttachment"},
	{Group: "authentication.k8s.io", Kind: "SelfSubjectReview"},
	{Group: "authentication.k8s.io", Kind: "TokenRequest"},
	{Group: "authentication.k8s.io", Kind: "TokenReview"},
	{Group: "authorization.k8s.io", Kind: "LocalSubjectAccessReview"},
	{Group: "authorization.k8s.io", Kind: "SelfSubjectAccessReview"},
	{Group: "authorization.k8s.io", Kind: "SelfSubjectRulesReview"},
	{Group: "authorization.k8s.io", Kind: "SubjectAccessReview"},
	{Group: "apiserver.config.k8s.io", Kind: "AdmissionConfiguration"},
	{Group: "apiserver.config.k8s.io", Kind: "AuthenticationConfiguration"},
	{Group: "apiserver.config.k8s.io", Kind: "AuthorizationConfiguration"},
	{Group: "apiserver.config.k8s.io", Kind: "EgressSelectorConfiguration"},
	{Group: "apiserver.config.k8s.io", Kind: "EncryptionConfiguration"},
	{Group: "apiserver.config.k8s.io", Kind: "TracingConfiguration"},
	{Group: "audit.k8s.io", Kind: "Policy"},
	{Group: "kubeadm.k8s.io", Kind: "ClusterConfiguration"},
	{Group: "kubeadm.k8s.io", Kind: "InitConfiguration"},
	{Group: "kubeadm.k8s.io", Kind: "JoinConfiguration"},
	{Group: "kubeadm.k8s.io", Kind: "ResetConfiguration"},
	{Group: "kubelet.config.k8s.io", Kind: "CredentialProviderConfig"},
	{Group: "kubelet.config.k8s.io", Kind: "KubeletConfiguration"},
	{Group: "kubeproxy.config.k8s.io", Kind: "KubeProxyConfiguration"},
	{Group: "kubescheduler.config.k8s.io", Kind: "KubeSchedulerConfiguration"},
}

const notNeeded = "documents of it were left out: nothing asked for it"

// cover states what absence means.
func (t *tally) cover(needs []inventory.Need) {
	t.summary()
	if v, ok := t.version.only(); ok {
		t.into.Assume(inventory.KubernetesVersion.Set(v))
	}
	state := func(gk schema.GroupKind, s inventory.State, reason string) {
		t.into.Cover(inventory.CoverageEntry{Group: gk.Group, Kind: gk.Kind,
			Coverage: inventory.Coverage{State: s, Reason: reason}})
	}
	if t.cfg.World == Open {
		const reason = "open world: the manifests are a part of what exists"
		t.into.CoverRest(inventory.NotCollected, reason)
		for gk := range t.kinds {
			state(gk, inventory.Partial, reason)
		}
		return
	}
	for gk := range t.skipped {
		if t.kinds[gk] {
			state(gk, inventory.Partial, notNeeded)
		} else {
			state(gk, inventory.NotCollected, notNeeded)
		}
	}
	for _, gk := range clusterOnly {
		switch {
		case t.skipped[gk]:
		case !t.kinds[gk]:
			state(gk, inventory.NotCollected, "manifests do not carry it: a cluster or a file from it would")
		case t.opaque != "":
			state(gk, inventory.Partial, t.opaque)
		default:
			state(gk, inventory.Complete, "closed world: what the manifests hold of it is all there is")
		}
	}
	for gk := range t.kinds {
		switch {
		case gk.Group != format.Group:
		case t.opaque != "":
			state(gk, inventory.Partial, t.opaque)
		default:
			state(gk, inventory.Complete, "closed world: what the files of this format say is all there is")
		}
	}
	for _, n := range needs {
		if gk := n.GroupKind(); (n.URL != "" || n.Format != "" || n.Subresource != "") && !t.kinds[gk] {
			state(gk, inventory.NotCollected, "manifests do not carry it")
		}
	}
	t.into.CoverRest(inventory.Complete, "closed world: what the manifests do not hold does not exist")
	if t.opaque != "" {
		t.into.CoverRest(inventory.Partial, t.opaque)
	}
}

// bootstrapObjects are the RBAC objects that the API server creates at start.
func bootstrapObjects(v inventory.Version) []*inventory.Object {
	uri := fmt.Sprintf("kubernetes:v1.%d/bootstrap-policy", bootstrap.Nearest(v.Minor))
	var out []*inventory.Object
	for raw := range bootstrap.Objects(v.Minor) {
		o, err := inventory.NewObject(inventory.Item{JSON: raw, Origin: inventory.Origin{URI: uri},
			Strength: inventory.Inferred})
		if err == nil { // a test of internal/bootstrap decodes every row
			out = append(out, o)
		}
	}
	return out
}
