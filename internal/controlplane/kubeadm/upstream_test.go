package kubeadm_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/defaults"
	"github.com/nist190/nist190/internal/controlplane/kubeadm"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// leftOut differ between the minors, or depend on more than the configuration.
var leftOut = map[string]bool{
	"feature-gates": true, "watch-progress-notify-interval": true,
	"experimental-initial-corrupt-check": true, "experimental-watch-progress-notify-interval": true,
	"initial-cluster": true,
}

// TestAsUpstream compares what kubeadm passes by itself with the table that its own functions wrote, for every minor that it has.
func TestAsUpstream(t *testing.T) {
	for minor := range defaults.Minors() {
		got := map[string]string{}
		in := kubeadm.Input{Cluster: &config.ClusterConfiguration{KubernetesVersion: fmt.Sprintf("v1.%d.0", minor)}}
		for _, p := range kubeadm.ControlPlane(in) {
			for _, f := range p.Flags {
				value := f.Value
				if f.Doubt != "" {
					value = map[string]string{"advertise-address": "ADDRESS", "name": "NODE"}[f.Name]
				}
				got[string(p.Component)+" "+f.Name] = value
			}
		}
		want := map[string]string{}
		for _, c := range process.Components() {
			for name, value := range defaults.Kubeadm(string(c), minor) {
				want[string(c)+" "+name] = value
			}
		}
		if len(want) == 0 {
			t.Errorf("1.%d is not in the table", minor)
			continue
		}
		for _, m := range []map[string]string{got, want} {
			for name := range leftOut {
				delete(m, "etcd "+name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("1.%d: (-upstream +here)\n%s", minor, diff)
		}
		kubelet(t, minor)
	}
}

// kubelet compares the fields that kubeadm writes for the kubelet, but for those that it finds out on the node.
func kubelet(t *testing.T, minor int) {
	t.Helper()
	p := kubeadm.Kubelet(kubeadm.Input{Cluster: &config.ClusterConfiguration{}})
	got, want := map[string]any{}, map[string]any{}
	for _, raw := range [][]byte{p.Files[0].Defaults, p.Files[0].Forced} {
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(defaults.KubeadmKubelet(minor), &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clusterDNS", "resolvConf"} {
		delete(want, name)
	}
	withoutZero(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("1.%d, KubeletConfiguration: (-upstream +here)\n%s", minor, diff)
	}
}

// withoutZero drops durations of zero, which upstream's types always write, and the mappings that are then empty.
func withoutZero(m map[string]any) {
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			if withoutZero(inner); len(inner) == 0 {
				delete(m, k)
			}
		}
		if v == "0s" {
			delete(m, k)
		}
	}
}
