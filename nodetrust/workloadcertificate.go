package nodetrust

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var trustBundleKind = schema.GroupKind{Group: "certificates.k8s.io", Kind: "ClusterTrustBundle"}

var workloadCertificate = nist190.Metadata{
	ID: "nodetrust-workload-certificate", Title: "Workload whose roots of trust may not be there", Risk: nist190.NodeTrust,
	Doc: `A workload has a certificate of its own from Kubernetes (a podCertificate volume), or mounts the roots that it verifies
others by (clusterTrustBundle). With both it proves itself and verifies its peers without a mesh: that passes.

Where the bundle is optional and there is none, the pod starts without roots. What it does then is up to the program: many
fall back to the public ones, or verify nobody.

Before:

    clusterTrustBundle: {name: example.com:mesh:roots, path: ca.pem, optional: true} # there is none

After:

    clusterTrustBundle: {name: example.com:mesh:roots, path: ca.pem}`,
	Claims: nist190.Claims("5f"), Controls: []string{"IA-9", "SC-17"}, Severity: nist190.SeverityLow,
	Remediation: "Drop optional, or create the ClusterTrustBundle.",
	Subjects:    inventory.WorkloadKinds(),
	Needs: append(inventory.WorkloadNeeds(inventory.Incriminating),
		inventory.Need{Group: trustBundleKind.Group, Kind: trustBundleKind.Kind, Resource: "clustertrustbundles", Bias: inventory.Exonerating}),
	Since:  "v0.1.0",
	Limits: "Identities of SPIFFE by a CSI driver, and of meshes, are not judged here. A bundle that is chosen by labels is taken to be there.",
}

// WorkloadCertificate judges workloads that use certificates which Kubernetes gives to pods.
func WorkloadCertificate() nist190.Check {
	return nist190.NewCheck(workloadCertificate, checkWorkloadCertificates)
}

func checkWorkloadCertificates(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		uses, at, missing := false, nist190.Evidence{}, ""
		for i, v := range w.Template.Spec.Volumes {
			if v.Projected == nil {
				continue
			}
			for j, s := range v.Projected.Sources {
				here := nist190.Place(inventory.At{Object: w.Object, Path: w.TemplatePath}, "spec", "volumes", i, "projected", "sources", j)
				switch b := s.ClusterTrustBundle; {
				case missing != "":
				case b != nil && b.Name != nil && b.Optional != nil && *b.Optional && !bundleThere(e.Inventory, *b.Name):
					missing, at, uses = *b.Name, here, true
				case b != nil || s.PodCertificate != nil:
					uses, at = true, here
				}
			}
		}
		switch {
		case missing != "":
			e.Fail(w.Ref(), missing, fmt.Sprintf("it starts without the roots %q, which are optional and not there", missing), at)
		case uses:
			e.Pass(w.Ref(), at)
		}
	}
	return ctx.Err()
}

func bundleThere(inv *inventory.Inventory, name string) bool {
	_, ok := inv.Get(trustBundleKind, "", name)
	return ok
}
