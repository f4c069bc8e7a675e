package placement

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var residualData = nist190.Metadata{
	ID: "placement-residual-data", Title: "Data that stays on nodes which a lower level can use",
	Doc: `A workload writes to the disk of its node, and workloads of a lower sensitivity level can run on that node.

What is written to a host path, or to a local persistent volume, is there after the pod is gone, and after its level has
moved elsewhere. Whoever comes to the node next, and can mount a host path or break out of a container, reads it
(SP 800-190 section 3.3.4). Memory and emptyDir volumes are cleared by the kubelet.

Before:

    volumes: [{name: cards, hostPath: {path: /data/cards}}]      # on a node that public workloads can come to

After: a volume that is not of the node, or nodes that only the level uses.`,
	Claims: nist190.Claims("4e"), Controls: []string{"SC-4", "MP-6"}, Severity: nist190.SeverityMedium, Subjects: inventory.WorkloadKinds(),
	Remediation: "Keep the data in a volume that is not of the node and is encrypted, or keep lower levels off these nodes; wipe nodes that change their level.",
	Limits: `Paths that hold nothing of pods, sockets and devices are left out, and mounts that are read-only. What a volume's driver leaves on
the node, swap and crash dumps are not seen.`,
}

// residue is where a workload leaves data on a node.
type residue struct {
	what string
	at   nist190.Evidence
}

func checkResidualData(e *nist190.Eval, s *Separation) {
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		level := s.Levels.Workload(w.Ref()).Level
		if level <= sensitivity.Level(1) {
			continue // there is no lower one
		}
		left := residues(e.Inventory, w)
		if len(left) == 0 {
			continue
		}
		out := passing(w)
		out.Severity = min(severity(s.Levels, level), nist190.SeverityMedium)
		var names []string
		for _, r := range left {
			names = append(names, r.what)
		}
		out.Message = fmt.Sprintf("it is %s and leaves data on its nodes (%s)", s.Levels.Name(level), phrase.Shorten(names))
		c, answer := s.below(p, level)
		switch answer {
		case Can:
			out.Status = nist190.Fail
			out.Message += fmt.Sprintf(", and %s, which is %s, can come to %s", named(c.with.Workload), s.Levels.Name(c.level), c.node)
		case Undetermined:
			c.undetermined(e, &out)
		default:
			out.Message = ""
		}
		if answer != Cannot {
			out.Evidence = nil
			for _, r := range few(left) {
				out.Evidence = append(out.Evidence, r.at)
			}
			out.Evidence = append(out.Evidence, whereFrom(c.with.Workload)...)
			if c.node != nil {
				out.Evidence = append(out.Evidence, c.node.evidence())
			}
		}
		e.Report(out)
	}
}

// residues are the host paths that a workload can write to, and the local volumes of its claims.
func residues(inv *inventory.Inventory, w *inventory.Workload) []residue {
	var out []residue
	add := func(what string, at nist190.Evidence) {
		if !slices.ContainsFunc(out, func(r residue) bool { return r.what == what }) {
			out = append(out, residue{what, at})
		}
	}
	for at, spec := range w.PodSpecs() {
		for i := range spec.Volumes {
			v := &spec.Volumes[i]
			switch {
			case v.HostPath != nil && keepsData(v.HostPath) && writes(spec, v.Name):
				add(fmt.Sprintf("host path %q", v.HostPath.Path), nist190.Place(at, "volumes", i, "hostPath", "path").Showing(v.HostPath.Path))
			case v.PersistentVolumeClaim != nil:
				if o, ok := localVolume(inv, w.Namespace(), v.PersistentVolumeClaim.ClaimName); ok {
					add(fmt.Sprintf("PersistentVolume %q", o.Name()), nist190.At(o, "metadata", "name"))
				}
			}
		}
	}
	for _, t := range templatesOf(w) {
		for o := range inventory.TypedIn[corev1.PersistentVolumeClaim](inv, w.Namespace()) {
			if !isClaimOf(w, t.Name, o.Name()) {
				continue
			}
			if pv, ok := localVolume(inv, w.Namespace(), o.Name()); ok {
				add(fmt.Sprintf("PersistentVolume %q", pv.Name()), nist190.At(pv, "metadata", "name"))
			}
		}
	}
	return out
}

// keepsData: files of the host that pods could leave something in.
func keepsData(h *corev1.HostPathVolumeSource) bool {
	if systemPath(h.Path) || strings.HasSuffix(h.Path, ".sock") {
		return false
	}
	return h.Type == nil || !slices.Contains([]corev1.HostPathType{corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev}, *h.Type)
}

// writes reports whether a container mounts a volume to write.
func writes(spec *corev1.PodSpec, volume string) bool {
	of := func(mounts []corev1.VolumeMount) bool {
		return slices.ContainsFunc(mounts, func(m corev1.VolumeMount) bool { return m.Name == volume && !m.ReadOnly })
	}
	return slices.ContainsFunc(slices.Concat(spec.InitContainers, spec.Containers), func(c corev1.Container) bool { return of(c.VolumeMounts) }) ||
		slices.ContainsFunc(spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return of(c.VolumeMounts) })
}

// localVolume is the volume of a claim where it is part of a node.
func localVolume(inv *inventory.Inventory, namespace, claim string) (*inventory.Object, bool) {
	_, pvc, ok := inventory.TypedGet[corev1.PersistentVolumeClaim](inv, namespace, claim)
	if !ok || pvc.Spec.VolumeName == "" {
		return nil, false
	}
	o, pv, ok := inventory.TypedGet[corev1.PersistentVolume](inv, "", pvc.Spec.VolumeName)
	return o, ok && (pv.Spec.Local != nil || pv.Spec.HostPath != nil)
}

// residueChecks look for what a level leaves behind on its nodes.
func residueChecks() []nist190.Check {
	return []nist190.Check{
		onLevels(residualData, answeringForThemselves(), checkResidualData), CachedImage(),
		onLevels(reusedNode, biased(SeparationNeeds(), inventory.Either, inventory.WorkloadNeeds(inventory.Either)), checkReusedNode),
	}
}
