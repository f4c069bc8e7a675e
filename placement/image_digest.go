package placement

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var imageDigest = nist190.Metadata{
	ID: "placement-image-digest", Title: "Sensitive workload whose image is not pinned by digest",
	Doc: `A workload of the highest sensitivity level, or of one that the configuration names, runs an image by a tag.

A tag is a name that its registry can give to another image at any time; what was reviewed and signed is then not what
runs, and two pods of one workload may differ. A digest is the image (SP 800-190 section 4.1.5 asks for immutable names).
An image that admission pins, as the pods that run show, counts as pinned.

Before:

    image: registry.example.com/shop/card-vault:1.8.0

After:

    image: registry.example.com/shop/card-vault:1.8.0@sha256:4c1f...`,
	Claims: nist190.Claims("4d"), Controls: []string{"CM-14", "SI-7"}, Severity: nist190.SeverityLow, Advisory: true,
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0", Subjects: inventory.WorkloadKinds(),
	Needs:       slices.Concat(sensitivity.Needs(), inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Either))),
	Remediation: "Name images by digest, as most build and deployment tools can; or have admission replace tags by digests.",
	Limits:      "From which level on is set by images.digestFrom of the configuration. That the digest is of the right image is not seen.",
}

// ImageDigest finds sensitive workloads whose images have names that can change hands.
func ImageDigest() nist190.Check { return nist190.NewCheck(imageDigest, checkImageDigest) }

func checkImageDigest(ctx context.Context, e *nist190.Eval) error {
	rules := Images.Get(e.Inventory)
	return eachOfLevel(ctx, e, func(w *inventory.Workload, level sensitivity.Level, levels *sensitivity.Levels) {
		if level < from(levels, rules.DigestFrom) {
			return
		}
		out := passing(w)
		var loose []string
		var evidence []nist190.Evidence
		for _, u := range distinctImages(w) {
			if inventory.ParseImage(u.ref).Digest == "" && !pinnedByAdmission(w, u) {
				loose = append(loose, fmt.Sprintf("%q", u.ref))
				evidence = append(evidence, nist190.Place(u.at()).Showing(u.ref))
			}
		}
		if len(loose) > 0 {
			out.Status, out.Evidence = nist190.Fail, few(evidence)
			out.Message = fmt.Sprintf("it is %s and runs %s by a tag that can be moved: %s", levels.Name(level), phrase.Count(len(loose), "image"), phrase.Shorten(loose))
		}
		e.Report(out)
	})
}

// pinnedByAdmission: every pod that runs has the template's image of this name with a digest.
func pinnedByAdmission(w *inventory.Workload, u imageUse) bool {
	if u.spec.Object != w.Object {
		return false
	}
	pinned := false
	want := inventory.ParseImage(u.ref)
	for at, spec := range w.PodSpecs() {
		if at.Object == w.Object {
			continue
		}
		i := slices.IndexFunc(slices.Concat(spec.InitContainers, spec.Containers), func(c corev1.Container) bool { return c.Name == u.name })
		if i < 0 {
			return false
		}
		im := inventory.ParseImage(slices.Concat(spec.InitContainers, spec.Containers)[i].Image)
		if im.Host != want.Host || im.Path != want.Path || im.Digest == "" {
			return false
		}
		pinned = true
	}
	return pinned
}
