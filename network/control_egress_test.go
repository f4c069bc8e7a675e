package network_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

// Manifests without Nodes: the configuration says where these are.
func TestControlEgressOfConfiguredNodes(t *testing.T) {
	const text = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/16}}, {ipBlock: {cidr: 192.168.0.0/25}}]}]
`
	for cidr, want := range map[string]string{
		"10.0.3.0/24":    `1 workload may reach kubelets (TCP 10250 at 10.0.3.0/24): Deployment "api"`,
		"192.168.0.0/24": "", // half of it is closed
		"fd00::/64":      "",
	} {
		profile := network.PluginProfile.Set(network.Profile{NodeCIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}})
		inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", []byte(text)), profile)
		if err != nil {
			t.Fatal(err)
		}
		r, err := (&nist190.Runner{Checks: network.Checks()}).Run(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f := range r.Findings() {
			if f.Check.ID == "network-control-egress" && f.Status == nist190.Fail {
				got = append(got, f.Message)
			}
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: got %q", cidr, got)
		}
	}
}
