package nodetrust

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var imageFormats = []string{format.Trivy, format.CycloneDX, format.SPDX}

var imageScan = nist190.Metadata{
	ID: "nodetrust-image-scan", Title: "Images that no scanner looked at, or with known vulnerabilities", Risk: nist190.NodeTrust,
	Doc: `Images that workloads run are not among those that a scanner reports on, were looked at longer than 30 days ago, or have
critical vulnerabilities. What counts is a report of Trivy of the image, or a bill of materials of it, for being looked at.

All images are one answer. Where no report is given at all it is not assessed.

Before: a report of web:1.2, while web:1.3 runs.

After: trivy image --format json, in the pipeline that builds web:1.3.`,
	Claims: nist190.Claims("5h"), Controls: []string{"RA-5", "SI-2"}, Severity: nist190.SeverityMedium,
	Remediation: "Scan every image where it is built and again on a schedule, and build anew what has critical vulnerabilities.",
	Needs:       append(formatNeeds(inventory.Alternative, imageFormats...), inventory.WorkloadNeeds(inventory.Incriminating)...),
	Since:       "v0.1.0",
	Limits:      "An image is known by its name and tag, or its digest: that a tag was moved after the scan is not seen. Only Trivy's own count of critical vulnerabilities is read.",
}

// ImageScan judges whether the images of workloads were scanned.
func ImageScan() nist190.Check { return nist190.NewCheck(imageScan, checkImageScans) }

func checkImageScans(ctx context.Context, e *nist190.Eval) error {
	all := slices.DeleteFunc(scans(e.Inventory, imageFormats...), func(s scan) bool { return !s.Image })
	if len(all) == 0 {
		notSeen(e, "no report of a scanner of images was given", "trivy image --format json", "CycloneDX", "SPDX")
		return nil
	}
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	byName := map[string]*scan{}
	newer := func(k string, s *scan) {
		if old := byName[k]; old == nil || s.time.After(old.time) {
			byName[k] = s
		}
	}
	for i := range all {
		s := &all[i]
		newer(imageKey(inventory.ParseImage(s.Target)), s)
		for _, d := range s.Digests {
			if _, digest, ok := strings.Cut(d, "sha256:"); ok {
				newer("sha256:"+digest, s)
			}
		}
	}
	images := map[string]bool{}
	for _, w := range workloads {
		for _, spec := range w.PodSpecs() {
			for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
				for _, c := range list {
					if c.Image != "" {
						images[c.Image] = true
					}
				}
			}
		}
	}
	if len(images) == 0 {
		e.NotApplicable(inventory.Cluster, "no workload runs an image")
		return ctx.Err()
	}
	now, life := inventory.Now(e.Inventory), ScanLife.Get(e.Inventory)
	var never, stale, critical []string
	var evidence []nist190.Evidence
	for _, name := range sortedNames(images) {
		im := inventory.ParseImage(name)
		s := byName[im.Digest]
		if s == nil || im.Digest == "" {
			s = byName[imageKey(im)]
		}
		switch {
		case s == nil:
			never = append(never, name)
			continue
		case s.stale(now, life):
			stale = append(stale, fmt.Sprintf("%s (%s)", name, s.time.Format(time.DateOnly)))
		case s.Critical > 0:
			critical = append(critical, fmt.Sprintf("%s (%d)", name, s.Critical))
			evidence = append([]nist190.Evidence{s.at}, evidence...)
			continue
		}
		evidence = append(evidence, s.at)
	}
	evidence = evidence[:min(len(evidence), mostPlaces)]
	reportCoverage(e, len(images), "image", never, stale, evidence)
	if len(critical) > 0 {
		e.Report(nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Key: "critical", Severity: nist190.SeverityHigh, Evidence: evidence,
			Message: "images have critical vulnerabilities: " + phrase.Shorten(critical)})
	}
	return ctx.Err()
}

// imageKey is the name with its tag, whoever leaves out the defaults.
func imageKey(im inventory.Image) string { return im.Host + "/" + im.Path + ":" + im.Tag }
