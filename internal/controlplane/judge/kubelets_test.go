package judge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func kubelets(t testing.TB, files fstest.MapFS) []nist190.Outcome {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, files, "."))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return judge.Kubelets(v, controlplane.Kubelet.RotateCertificates, func(on bool) string {
		if on {
			return ""
		}
		return "the certificate is not renewed"
	})
}

func nodes(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Node\nmetadata: {name: n%04d}\nstatus: {nodeInfo: {kubeletVersion: v1.36.1}}\n---\n", i)
	}
	return b.String()
}

func configz(rotate bool) *fstest.MapFile {
	return &fstest.MapFile{Data: fmt.Appendf(nil, `{"kubeletconfig":{"authentication":{"anonymous":{"enabled":false}},"rotateCertificates":%t}}`, rotate)}
}

const configuration = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestKubelets(t *testing.T) {
	tests := []struct {
		name  string
		files fstest.MapFS
		want  []string
	}{
		{"nothing", fstest.MapFS{"a.yaml": text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")},
			[]string{"NotAssessed Cluster kubelets not seen: nothing describes a kubelet"}},
		{"one configuration of many nodes", fstest.MapFS{"n.yaml": text(nodes(0, 5000)), "k.yaml": text(configuration)},
			[]string{"Fail KubeletConfiguration.kubelet.config.k8s.io k.yaml : the certificate is not renewed on 5000 nodes (n0000, n0001, n0002, 4997 more), the default of Kubernetes 1.36"}},
		{"nodes of which nothing is known", fstest.MapFS{"n.yaml": text(nodes(0, 5000))},
			[]string{"NotAssessed Cluster kubelets not seen: nothing describes the kubelet on 5000 nodes (n0000, n0001, n0002, 4997 more)"}},
		{"reports of nodes", fstest.MapFS{"n.yaml": text(nodes(0, 4)), "n0000.json": configz(false), "n0001.json": configz(true), "n0002.json": configz(false)},
			[]string{"Fail Cluster kubelets: the certificate is not renewed: the certificate is not renewed on 2 nodes (n0000, n0002), set at n0000.json:1",
				"Pass Cluster kubelets: ", `NotAssessed Cluster kubelets not seen: nothing describes the kubelet on node "n0003"`}},
		{"two configurations", fstest.MapFS{"a/k.yaml": text(configuration), "b/k.yaml": text(configuration + "rotateCertificates: true\n")},
			[]string{"Fail KubeletConfiguration.kubelet.config.k8s.io a/k.yaml : the certificate is not renewed, the default of every supported version",
				"Pass KubeletConfiguration.kubelet.config.k8s.io b/k.yaml : "}},
		{"one that cannot be read", fstest.MapFS{"k.yaml": text(configuration + "authorization: {mode: Sometimes}\n")},
			[]string{"NotAssessed KubeletConfiguration.kubelet.config.k8s.io k.yaml : k.yaml:1 cannot be read: authorization.mode: must be AlwaysAllow or Webhook"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, o := range kubelets(t, tt.files) {
				got = append(got, strings.TrimRight(fmt.Sprintf("%s %s %s: %s", o.Status, o.Subject, o.Key, o.Message), ""))
				if len(o.Evidence) > 3 {
					t.Errorf("%d places", len(o.Evidence))
				}
				if o.Status == nist190.NotAssessed && o.Subject == inventory.Cluster && len(o.Missing) != 1 {
					t.Errorf("missing: %v", o.Missing)
				}
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
