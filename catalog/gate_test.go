package catalog_test

import (
	"testing"
	"time"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestGateOnDefaultDeny: where NetworkPolicies may not be listed, a gate on default-deny is never clear, whatever it asks
// for; an attestation clears it, at strength attested, until it expires.
func TestGateOnDefaultDeny(t *testing.T) {
	cfg, err := catalog.LoadConfig("gate.yaml", []byte(`
apiVersion: nist190.dev/v1alpha1
kind: Config
checks: {include: [network-default-deny]}
attestations:
- check: network-default-deny
  statement: the mesh denies by default
  owner: platform team
  expires: 2027-03-31
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"shop", "shop-hardened"} {
		inv, err := inventory.Collect(t.Context(), nil, manifest.Paths(manifest.Config{}, "../examples/manifests/"+dir))
		if err != nil {
			t.Fatal(err)
		}
		forbidden := inv.Mask(nil, inventory.CoverageEntry{Group: "networking.k8s.io", Kind: "NetworkPolicy", Coverage: inventory.Coverage{State: inventory.Forbidden, Reason: "403"}})
		gate := func(r *nist190.Runner, th nist190.Threshold) (nist190.Decision, *nist190.Report) {
			rep, err := r.Run(t.Context(), forbidden)
			if err != nil {
				t.Fatal(err)
			}
			return th.Evaluate(rep).Decision, rep
		}
		bare := cfg.Runner()
		bare.Attestations = nil
		for _, th := range []nist190.Threshold{{}, {FailOn: nist190.SeverityHigh}, {RequireEvidence: true}} {
			if d, _ := gate(bare, th); d != nist190.Unproven {
				t.Errorf("%s: without an attestation the gate %+v is %s", dir, th, d)
			}
		}
		attested := cfg.Runner()
		attested.Now = func() time.Time { return time.Date(2027, 3, 31, 12, 0, 0, 0, time.UTC) }
		d, rep := gate(attested, nist190.Threshold{RequireEvidence: true})
		if d != nist190.Clear {
			t.Errorf("%s: with an attestation the gate is %s", dir, d)
		}
		for f := range rep.Findings() {
			if f.Status == nist190.Pass && f.Strength != inventory.Attested {
				t.Errorf("%s: %s passes at strength %s", dir, f.Subject, f.Strength)
			}
		}
		attested.Now = func() time.Time { return time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC) }
		if d, _ := gate(attested, nist190.Threshold{}); d != nist190.Unproven {
			t.Errorf("%s: after the attestation expired the gate is %s", dir, d)
		}
	}
}
