package nodeconfig_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/nodeconfig"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

const doc = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

func TestFind(t *testing.T) {
	node := func(name string) string { return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n" }
	tests := []struct {
		name  string
		files []string          // each a KubeletConfiguration
		more  map[string]string // others
		want  map[string][]string
	}{
		{"a file", []string{"kubelet.yaml"}, nil, map[string][]string{"": {"kubelet.yaml"}}},
		{"a file and its drop-ins", []string{"var/lib/kubelet/config.yaml", "etc/kubernetes/kubelet.conf.d/10-a.conf", "etc/kubernetes/kubelet.conf.d/20-b.conf"}, nil,
			map[string][]string{"": {"var/lib/kubelet/config.yaml", "etc/kubernetes/kubelet.conf.d/10-a.conf", "etc/kubernetes/kubelet.conf.d/20-b.conf"}}},
		{"directories below are read too", []string{"k/config.json", "k/config.json.d/a/1.conf", "k/config.json.d/0.conf"}, nil,
			map[string][]string{"": {"k/config.json", "k/config.json.d/0.conf", "k/config.json.d/a/1.conf"}}},
		{"each its own", []string{"a/config.yaml", "a/d/1.conf", "b/config.yaml"}, map[string]string{"n.yaml": node("a") + "---\n" + node("b")},
			map[string][]string{"a": {"a/config.yaml", "a/d/1.conf"}, "b": {"b/config.yaml"}}},
		{"only drop-ins", []string{"d/1.conf"}, nil, map[string][]string{"": {"d/1.conf", "d/1.conf"}}},
		{"beside kubeadm", []string{}, map[string]string{"k.yaml": doc + "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"}, map[string][]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for _, f := range tt.files {
				fsys[f] = &fstest.MapFile{Data: []byte(doc)}
			}
			for f, text := range tt.more {
				fsys[f] = &fstest.MapFile{Data: []byte(text)}
			}
			inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fsys, "."))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{}
			for _, p := range nodeconfig.Find(inv).Processes {
				if p.Component != process.Kubelet || p.Rank != process.Manifest {
					t.Errorf("%+v", p)
				}
				for _, f := range p.Files {
					got[p.Name] = append(got[p.Name], f.Origin().URI)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
