package placement

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/nist190/nist190/inventory"
)

// volumes reads what the volumes of pods ask of nodes (pkg/scheduler/framework/plugins/volumebinding, volumezone). What
// is missing or not bound yet asks nothing: the scheduler would wait for it, and what passes isolates nobody.
type volumes struct {
	inv *inventory.Inventory
	// free are the volumes of each storage class that no claim has.
	free map[string][]*corev1.PersistentVolume
}

func newVolumes(inv *inventory.Inventory) *volumes {
	v := &volumes{inv: inv, free: map[string][]*corev1.PersistentVolume{}}
	for _, pv := range inventory.Typed[corev1.PersistentVolume](inv) {
		if pv.Spec.ClaimRef == nil {
			v.free[pv.Spec.StorageClassName] = append(v.free[pv.Spec.StorageClassName], pv)
		}
	}
	return v
}

const (
	reasonVolumeNode = "node(s) didn't match PersistentVolume's node affinity"
	reasonVolumeBind = "node(s) didn't find available persistent volumes to bind"
	reasonVolumeZone = "node(s) had no available volume zone"
)

// claims names the claims of a pod.
func claims(spec *corev1.PodSpec) []string {
	var out []string
	for i := range spec.Volumes {
		if c := spec.Volumes[i].PersistentVolumeClaim; c != nil {
			out = append(out, c.ClaimName)
		}
	}
	return out
}

// ask adds what the claims of a pod ask to its demand, bound ones first, as the plugin names its reasons.
func (v *volumes) ask(d *demand, namespace string, spec *corev1.PodSpec) {
	var waiting []*corev1.PersistentVolumeClaim
	for _, name := range claims(spec) {
		_, pvc, ok := inventory.TypedGet[corev1.PersistentVolumeClaim](v.inv, namespace, name)
		if !ok {
			d.doubts = append(d.doubts, fmt.Sprintf("PersistentVolumeClaim %q was not seen", name))
			continue
		}
		if pvc.Spec.VolumeName == "" {
			waiting = append(waiting, pvc)
			continue
		}
		_, pv, ok := inventory.TypedGet[corev1.PersistentVolume](v.inv, "", pvc.Spec.VolumeName)
		if !ok {
			d.doubts = append(d.doubts, fmt.Sprintf("PersistentVolume %q was not seen", pvc.Spec.VolumeName))
			continue
		}
		if ways, limited := volumeWays(pv); limited {
			d.groups = append(d.groups, group{plugin: "VolumeBinding", reason: reasonVolumeNode, ways: ways})
		}
		d.zones = append(d.zones, zonesOf(pv)...)
	}
	for _, pvc := range waiting {
		v.unbound(d, pvc)
	}
}

// unbound: a claim that waits for its first consumer is bound to a free volume of its class, or one is made where the
// class allows it.
func (v *volumes) unbound(d *demand, pvc *corev1.PersistentVolumeClaim) {
	name := className(pvc)
	if name == "" {
		return
	}
	_, class, ok := inventory.TypedGet[storagev1.StorageClass](v.inv, "", name)
	if !ok {
		d.doubts = append(d.doubts, fmt.Sprintf("StorageClass %q was not seen", name))
		return
	}
	if class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer ||
		class.Provisioner == "kubernetes.io/no-provisioner" || len(class.AllowedTopologies) == 0 {
		return
	}
	ways := topologyWays(class.AllowedTopologies)
	for _, pv := range v.free[name] {
		more, limited := volumeWays(pv)
		if !limited {
			return
		}
		ways = append(ways, more...)
	}
	d.groups = append(d.groups, group{plugin: "VolumeBinding", reason: reasonVolumeBind, ways: ways})
}

// className is the storage class that a claim asks for; empty is the cluster's default, or none.
func className(pvc *corev1.PersistentVolumeClaim) string {
	if name, ok := pvc.Annotations[corev1.BetaStorageClassAnnotation]; ok {
		return name
	}
	if pvc.Spec.StorageClassName != nil {
		return *pvc.Spec.StorageClassName
	}
	return ""
}

// claimTemplates are those of a StatefulSet of which no claim exists yet: the claims that exist hold its pods instead.
func (v *volumes) claimTemplates(w *inventory.Workload) []corev1.PersistentVolumeClaim {
	var out []corev1.PersistentVolumeClaim
	for _, t := range templatesOf(w) {
		made := false
		for o := range inventory.TypedIn[corev1.PersistentVolumeClaim](v.inv, w.Namespace()) {
			made = made || isClaimOf(w, t.Name, o.Name())
		}
		if !made {
			out = append(out, t)
		}
	}
	return out
}

// templatesOf are the templates of claims of a StatefulSet.
func templatesOf(w *inventory.Workload) []corev1.PersistentVolumeClaim {
	if w.Object.GroupKind() != statefulSetKind {
		return nil
	}
	set, err := inventory.As[appsv1.StatefulSet](w.Object)
	if err != nil {
		return nil
	}
	return set.Spec.VolumeClaimTemplates
}

// isClaimOf: the name that a StatefulSet gives to the claims of a template, without the ordinal.
func isClaimOf(w *inventory.Workload, template, claim string) bool {
	return strings.HasPrefix(claim, template+"-"+w.Object.Name()+"-")
}

var statefulSetKind = inventory.NeedOf[appsv1.StatefulSet](inventory.Either).GroupKind()

// volumeWays are the nodes of a volume; limited is false where it has none in particular. Fields match nothing and
// refuse nothing, since upstream compares with a node without a name (component-helpers, CheckNodeAffinity). The
// affinity of a volume of a cloud that was built into Kubernetes is translated to its CSI driver's, and left out.
func volumeWays(pv *corev1.PersistentVolume) (ways []way, limited bool) {
	s := &pv.Spec
	if s.NodeAffinity == nil || s.NodeAffinity.Required == nil || s.AWSElasticBlockStore != nil || s.GCEPersistentDisk != nil ||
		s.AzureDisk != nil || s.AzureFile != nil || s.Cinder != nil || s.VsphereVolume != nil || s.PortworxVolume != nil {
		return nil, false
	}
	for i := range s.NodeAffinity.Required.NodeSelectorTerms {
		if w, ok := termWay(&s.NodeAffinity.Required.NodeSelectorTerms[i], false); ok && !w.empty() {
			ways = append(ways, w)
		}
	}
	return ways, true
}

// topologyWays is MatchTopologySelectorTerms (pkg/apis/core/v1/helper): terms are ORed, an empty one matches nothing.
func topologyWays(terms []corev1.TopologySelectorTerm) []way {
	var out []way
	for _, t := range terms {
		term := corev1.NodeSelectorTerm{}
		for _, r := range t.MatchLabelExpressions {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: r.Key, Operator: corev1.NodeSelectorOpIn, Values: r.Values})
		}
		if w, ok := termWay(&term, false); ok && !w.empty() {
			out = append(out, w)
		}
	}
	return out
}

// zone is a label of a volume that the label of its node has to match.
type zone struct {
	key, newer string
	values     []string
}

// zoneLabels are those of volumes and nodes that the plugin VolumeZone looks at, and what the old ones are called now.
var zoneLabels = []struct{ key, newer string }{
	{corev1.LabelFailureDomainBetaZone, corev1.LabelTopologyZone}, {corev1.LabelFailureDomainBetaRegion, corev1.LabelTopologyRegion},
	{corev1.LabelTopologyZone, corev1.LabelTopologyZone}, {corev1.LabelTopologyRegion, corev1.LabelTopologyRegion},
}

func zonesOf(pv *corev1.PersistentVolume) []zone {
	var out []zone
	for _, l := range zoneLabels {
		value, ok := pv.Labels[l.key]
		if !ok {
			continue
		}
		// LabelZonesToSet: several zones are joined by two underscores; an empty one makes the label unreadable.
		values := strings.Split(value, "__")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		if !slices.Contains(values, "") {
			out = append(out, zone{l.key, l.newer, values})
		}
	}
	return out
}

// fits: a node without any of the labels is in every zone.
func (z *zone) fits(n *Node) bool {
	constrained := slices.ContainsFunc(zoneLabels, func(l struct{ key, newer string }) bool {
		d := n.label(l.key)
		return !d.absent
	})
	if !constrained {
		return true
	}
	d, want := n.label(z.key), exactly(z.values...)
	if x := d.and(want); !x.empty() {
		return true
	}
	if !d.absent {
		return false
	}
	newer := n.label(z.newer)
	x := newer.and(want)
	return !x.empty()
}
