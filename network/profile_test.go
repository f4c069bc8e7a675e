package network

import (
	"context"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// What is configured counts, then what is known of the plugin that is named, then what runs.
func TestProfile(t *testing.T) {
	agent := func(name, image string) string {
		return `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ` + name + `, namespace: kube-system}, spec: {template: {spec: {containers: [{name: c, image: "` + image + `"}]}}}}`
	}
	cilium, flannel := agent("cilium", "quay.io/cilium/cilium:v1"), agent("flannel", "ghcr.io/flannel-io/flannel:v1")
	for _, tt := range []struct {
		name string
		docs []string
		with Profile
		want string
	}{
		{"nothing known", nil, Profile{}, "unknown plugin, enforces policies: unknown, address blocks match pods: yes"},
		{"what runs", []string{cilium}, Profile{}, "cilium, enforces policies: yes, address blocks match pods: no"},
		{"flannel with another", []string{flannel, cilium}, Profile{}, "cilium, enforces policies: yes, address blocks match pods: no"},
		{"named", nil, Profile{Plugin: "cilium"}, "cilium, enforces policies: yes, address blocks match pods: no"},
		{"another runs than is named", []string{cilium}, Profile{Plugin: "flannel"}, "flannel, enforces policies: no, address blocks match pods: yes"},
		{"an unknown name", []string{cilium}, Profile{Plugin: "own"}, "own, enforces policies: yes, address blocks match pods: no"},
		{"said", []string{flannel}, Profile{Enforces: Yes, IPBlockMatchesPods: Unknown, HostNetwork: Enforced}, "flannel, enforces policies: yes, address blocks match pods: unknown, policies over pods on the host's network: enforced"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Of(context.Background(), testobj.Inventory(t, tt.docs, PluginProfile.Set(tt.with)))
			if err != nil {
				t.Fatal(err)
			}
			got := c.Profile()
			if len(got.PodCIDRs) != len(privateCIDRs) {
				t.Errorf("pods in %v", got.PodCIDRs)
			}
			got.PodCIDRs = nil
			if got.String() != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
	for _, m := range []HostNetworkMode{Ignored, Enforced, Undetermined} {
		if got, err := ParseHostNetworkMode(m.String()); got != m || err != nil {
			t.Errorf("%s is read as %s: %v", m, got, err)
		}
	}
	if _, err := ParseHostNetworkMode("perhaps"); err == nil {
		t.Error("a mode that is none")
	}
}
