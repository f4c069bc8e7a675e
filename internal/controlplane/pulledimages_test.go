package controlplane_test

import (
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// A pod needs the credentials of an image that is on the node from 1.35 on, or where the gate is on before.
func TestVerifiesPulledImages(t *testing.T) {
	for _, c := range []struct {
		name, version, config string
		known, want           bool
	}{
		{"default of 1.34", "1.34", "", true, false},
		{"default of 1.35", "1.35", "", true, true},
		{"default of 1.37", "1.37", "", true, true},
		{"no version", "", "", false, false},
		{"gate off", "1.37", "featureGates: {KubeletEnsureSecretPulledImages: false}\n", true, false},
		{"gate on", "1.34", "featureGates: {KubeletEnsureSecretPulledImages: true}\nimagePullCredentialsVerificationPolicy: AlwaysVerify\n", true, true},
		{"gate on, policy unset", "1.34", "featureGates: {KubeletEnsureSecretPulledImages: true}\n", true, true},
		{"never", "1.37", "imagePullCredentialsVerificationPolicy: NeverVerify\n", true, false},
		{"allow list", "1.37", "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: [pause]\n", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + c.config
			var settings []inventory.Value
			if c.version != "" {
				v, err := inventory.ParseVersion(c.version)
				if err != nil {
					t.Fatal(err)
				}
				settings = append(settings, inventory.KubernetesVersion.Set(v))
			}
			inv, err := inventory.Collect(t.Context(), controlplane.Needs(), manifest.Bytes(manifest.Config{}, "kubelet.yaml", []byte(text)), settings...)
			if err != nil {
				t.Fatal(err)
			}
			view, err := controlplane.Of(t.Context(), inv)
			if err != nil {
				t.Fatal(err)
			}
			kubelets := view.Kubelets()
			if len(kubelets) != 1 {
				t.Fatalf("%d kubelets", len(kubelets))
			}
			v := kubelets[0].VerifiesPulledImages()
			if v.OK() != c.known || v.Value != c.want {
				t.Errorf("got %v, %s (%s)", v.Value, v.Known, strings.TrimSpace(v.Reason))
			}
		})
	}
}
