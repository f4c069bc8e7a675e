package nodetrust

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

type claim struct{ namespace, name string }

// localVolume is a place of the node behind a claim.
type localVolume struct {
	path     string
	evidence nist190.Evidence
}

// localVolumes maps claims to the places of the node that their volumes are. Volume and claim name each other; either
// reference counts, since manifests often hold one side alone.
func localVolumes(inv *inventory.Inventory) map[claim]localVolume {
	byVolume, out := map[string]localVolume{}, map[claim]localVolume{}
	for o, pv := range inventory.Typed[corev1.PersistentVolume](inv) {
		var v localVolume
		switch {
		case pv.Spec.HostPath != nil:
			v = localVolume{pv.Spec.HostPath.Path, nist190.At(o, "spec", "hostPath", "path").Showing(pv.Spec.HostPath.Path)}
		case pv.Spec.Local != nil:
			v = localVolume{pv.Spec.Local.Path, nist190.At(o, "spec", "local", "path").Showing(pv.Spec.Local.Path)}
		default:
			continue
		}
		byVolume[pv.Name] = v
		if r := pv.Spec.ClaimRef; r != nil {
			out[claim{r.Namespace, r.Name}] = v
		}
	}
	for o, pvc := range inventory.Typed[corev1.PersistentVolumeClaim](inv) {
		if v, ok := byVolume[pvc.Spec.VolumeName]; ok {
			out[claim{o.Namespace(), o.Name()}] = v
		}
	}
	return out
}
