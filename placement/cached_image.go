package placement

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var cachedImage = nist190.Metadata{
	ID: "placement-cached-image", Title: "Private image that a lower level can run from the cache of a node",
	Doc: `A workload pulls its image with credentials, and workloads of a lower sensitivity level can run on the same nodes, where the
image is then kept and given to every pod that names it.

An image of a level holds its code, and often its secrets. The kubelet asks the registry, and so for credentials, only when
an image is not there yet, unless the admission plugin AlwaysPullImages makes every pod pull, or the kubelet remembers with
which credentials an image was pulled: KubeletEnsureSecretPulledImages, on by default since 1.35 (KEP-2535). That a
workload itself says imagePullPolicy: Always helps nobody: the pod that wants its image says IfNotPresent.

Before:

    featureGates: {KubeletEnsureSecretPulledImages: false}      # of the kubelet, on nodes that levels share

After:

    imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages`,
	Claims: nist190.Claims("4e"), Controls: []string{"AC-4", "SC-4"}, Severity: nist190.SeverityMedium, Subjects: inventory.WorkloadKinds(),
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Remediation: `Keep lower levels off the nodes; or have kubelets verify credentials (Kubernetes 1.35), or turn the admission plugin
AlwaysPullImages on.`,
	Limits: `Credentials that a node has for all of its pods (plugins of cloud registries) protect nothing there and are not looked at. Images
that were on the node before its kubelet are given to everybody.`,
}

// CachedImage finds private images that a lower level can run.
func CachedImage() nist190.Check {
	md := cachedImage
	// An account can only add credentials.
	md.Needs = inventory.JoinNeeds(answeringForThemselves(), []inventory.Need{inventory.NeedOf[corev1.ServiceAccount](inventory.Incriminating)}, ControlPlaneNeeds())
	return nist190.NewCheck(md, checkCachedImage)
}

func checkCachedImage(ctx context.Context, e *nist190.Eval) error {
	s, err := SeparationOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, p := range s.Feasibility.placements {
		level := s.Levels.Workload(p.Workload.Ref()).Level
		if level <= sensitivity.Level(1) {
			continue
		}
		secret, at := pullSecret(e.Inventory, p.Workload)
		if secret == "" {
			continue
		}
		out := passing(p.Workload)
		out.Severity = min(severity(s.Levels, level), nist190.SeverityMedium)
		c, answer := s.below(p, level)
		what := fmt.Sprintf("it is %s and pulls with Secret %q images that stay on its nodes", s.Levels.Name(level), secret)
		switch answer {
		case Can:
			judgeCache(&out, view, s, p, level, what, c)
		case Undetermined:
			out.Message = what
			c.undetermined(e, &out)
		}
		if out.Status != nist190.Pass {
			out.Evidence = append([]nist190.Evidence{at}, out.Evidence...)
		}
		e.Report(out)
	}
	return nil
}

// judgeCache asks what keeps a lower level from images of the nodes that it shares.
func judgeCache(out *nist190.Outcome, view *controlplane.View, s *Separation, p *Placement, level sensitivity.Level, what string, c company) {
	always := view.APIServer().AdmissionPlugin("AlwaysPullImages")
	if always.OK() && always.Value {
		judge.Rest(out, always.Basis)
		return
	}
	var unsure *controlplane.Basis
	for _, n := range s.nodesBelow(p, level) {
		if n.Pool { // its kubelets are not there yet
			continue
		}
		v := view.Kubelet(n.Name).VerifiesPulledImages()
		switch {
		case !v.OK():
			if unsure == nil {
				unsure = &v.Basis
			}
		case v.Value:
			judge.Rest(out, v.Basis)
		default:
			if !always.OK() {
				unsure = &always.Basis
				continue
			}
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("%s, and %s, which is %s, can run them on %s without: its kubelet does not verify credentials%s, and AlwaysPullImages is off%s",
				what, named(c.with.Workload), s.Levels.Name(c.level), n, judge.Said(v.Basis), judge.Said(always.Basis))
			out.Evidence = slices.Concat(whereFrom(c.with.Workload), []nist190.Evidence{n.evidence()})
			judge.Rest(out, v.Basis)
			judge.Rest(out, always.Basis)
			return
		}
	}
	if unsure != nil {
		na := judge.NotAssessed(out.Subject, out.Key, *unsure)
		na.Severity, na.Message = out.Severity, what+", and whether a lower level can run them from there is not known: "+na.Message
		*out = na
	}
}

// nodesBelow are the nodes on which a workload and one of a lower level can certainly be.
func (s *Separation) nodesBelow(p *Placement, level sensitivity.Level) []*Node {
	lower := newNodeSet(len(s.Feasibility.nodes))
	for _, set := range s.levels() {
		if set.level < level {
			lower.union(set.certain)
		}
	}
	lower.within(p.certain)
	var out []*Node
	for _, n := range s.Feasibility.nodes {
		if lower.has(n.index) && !n.OwnKernels {
			out = append(out, n)
		}
	}
	return out
}

// pullSecret is a Secret with which images of a workload are pulled: its own, else its service account's.
func pullSecret(inv *inventory.Inventory, w *inventory.Workload) (name string, at nist190.Evidence) {
	spec := &w.Template.Spec
	if len(spec.ImagePullSecrets) > 0 {
		return spec.ImagePullSecrets[0].Name, nist190.Place(specOf(w, "imagePullSecrets", 0, "name"))
	}
	account := spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	o, sa, ok := inventory.TypedGet[corev1.ServiceAccount](inv, w.Namespace(), account)
	if !ok || len(sa.ImagePullSecrets) == 0 {
		return "", at
	}
	return sa.ImagePullSecrets[0].Name, nist190.At(o, "imagePullSecrets", 0, "name")
}
