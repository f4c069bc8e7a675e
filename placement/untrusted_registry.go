package placement

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var untrustedRegistry = nist190.Metadata{
	ID: "placement-untrusted-registry", Title: "Image from a registry that is not trusted for the workload's level",
	Doc: `A workload runs or mounts an image that comes from elsewhere than the registries that the configuration trusts for its
sensitivity level.

What runs beside restricted data decides what happens to it, so images of a level come from where that level's images are
made (SP 800-190 section 4.1.5). References are completed as container runtimes do it: nginx is docker.io/library/nginx.
Hosts are compared whole, and so is each component of a path: ghcr.io/acme trusts neither ghcr.io/acme-evil nor
ghcr.io.example.com. Where no registries are configured for a level there is nothing to compare with.

Before:

    images: {trusted: [{levels: [restricted], registries: [registry.example.com/shop]}]}      # configuration
    image: docker.io/someone/card-vault:1.8.0

After:

    image: registry.example.com/shop/card-vault:1.8.0`,
	Claims: nist190.Claims("1b", "4d"), Controls: []string{"CM-7(5)", "CM-14", "SR-4(3)"}, Severity: nist190.SeverityHigh,
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0", Subjects: inventory.WorkloadKinds(),
	Needs: slices.Concat(sensitivity.Needs(), inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating))),
	Remediation: `Build the image for this level, or copy it into a registry that is trusted for it; or add the registry to images.trusted of the
configuration.`,
	Limits: `Manifests are judged by what they name, and pods by what they run: an image of a template counts although admission or a mirror
of the container runtime may take it from elsewhere. What nobody admitted through the API (static pods of unseen nodes) is not seen.`,
}

// UntrustedRegistry finds images from elsewhere than their level's registries.
func UntrustedRegistry() nist190.Check {
	return nist190.NewCheck(untrustedRegistry, checkUntrustedRegistry)
}

func checkUntrustedRegistry(ctx context.Context, e *nist190.Eval) error {
	rules := Images.Get(e.Inventory)
	return eachOfLevel(ctx, e, func(w *inventory.Workload, level sensitivity.Level, levels *sensitivity.Levels) {
		trusted, free := rules.registries(levels, level)
		if free {
			return
		}
		out := passing(w)
		var wrong []string
		var evidence []nist190.Evidence
		for _, u := range distinctImages(w) {
			if !slices.ContainsFunc(trusted, func(r Registry) bool { return r.Has(u.ref) }) {
				wrong = append(wrong, fmt.Sprintf("%q", u.ref))
				evidence = append(evidence, nist190.Place(u.at()).Showing(u.ref))
			}
		}
		if len(wrong) > 0 {
			out.Status, out.Severity, out.Evidence = nist190.Fail, severity(levels, level), few(evidence)
			out.Message = fmt.Sprintf("it is %s and runs %s from elsewhere than the registries that are trusted for that: %s", levels.Name(level), phrase.Count(len(wrong), "image"), phrase.Shorten(wrong))
		}
		e.Report(out)
	})
}

// eachOfLevel calls f for every workload with a level.
func eachOfLevel(ctx context.Context, e *nist190.Eval, f func(*inventory.Workload, sensitivity.Level, *sensitivity.Levels)) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		if l := levels.Workload(w.Ref()).Level; l > 0 {
			f(w, l, levels)
		}
	}
	return nil
}
