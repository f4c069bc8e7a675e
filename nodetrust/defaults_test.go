package nodetrust

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// inventoryOf reads manifests as a file of the closed world.
func inventoryOf(t *testing.T, text string, settings ...inventory.Value) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fstest.MapFS{"a.yaml": {Data: []byte(text)}}, "."), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// verdicts runs the checks of components over manifests and gives the status of each.
func verdicts(t *testing.T, text string) map[string]nist190.Status {
	t.Helper()
	report, err := nist190.Run(context.Background(), inventoryOf(t, text), componentChecks()...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]nist190.Status{}
	for _, c := range report.Checks {
		out[c.Check.ID] = c.Status
	}
	return out
}

// TestDefaultsThatOthersGetWrong: what a kubelet does that is told nothing depends on whether it is told so in a file or by
// flags (cmd/kubelet/app/options). kube-bench judges the first document wrongly in its tests 4.2.1, 4.2.2, 4.2.10 and 4.2.11.
func TestDefaultsThatOthersGetWrong(t *testing.T) {
	const (
		file  = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
		flags = "apiVersion: v1\nkind: Pod\nmetadata: {name: kubelet, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}\n" +
			"spec: {nodeName: n1, containers: [{name: kubelet, image: 'registry.k8s.io/kubelet:v1.36.1', command: [kubelet, '--v=2']}]}\n"
		kubeadm = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.1\n"
	)
	const pass, fail = nist190.Pass, nist190.Fail
	for _, tt := range []struct {
		name, text string
		want       map[string]nist190.Status
	}{
		{"a minimal file", file, map[string]nist190.Status{
			"nodetrust-kubelet-anonymous": pass, "nodetrust-kubelet-authorization": pass, "nodetrust-kubelet-read-only-port": pass,
			"nodetrust-kubelet-rotation": fail, "nodetrust-kubelet-serving-certificate": fail, "nodetrust-kubelet-client-ca": fail}},
		{"flags alone", flags, map[string]nist190.Status{
			"nodetrust-kubelet-anonymous": fail, "nodetrust-kubelet-authorization": fail, "nodetrust-kubelet-read-only-port": fail,
			"nodetrust-kubelet-rotation": fail, "nodetrust-kubelet-serving-certificate": fail}},
		{"kubeadm without a word", kubeadm, map[string]nist190.Status{
			"nodetrust-kubelet-anonymous": pass, "nodetrust-kubelet-authorization": pass, "nodetrust-kubelet-client-ca": pass,
			"nodetrust-kubelet-rotation": pass, "nodetrust-kubelet-serving-certificate": fail, "nodetrust-api-server-kubelet-ca": fail,
			"nodetrust-node-restriction": pass, "nodetrust-node-authorizer": pass, "nodetrust-etcd-client-tls": pass, "nodetrust-etcd-peer-tls": pass,
			"nodetrust-etcd-ca": pass, "nodetrust-api-server-etcd": pass, "nodetrust-control-plane-listens": pass, "nodetrust-certificate-lifetime": pass}},
		{"the gate of rotation is not rotation", file + "featureGates: {RotateKubeletServerCertificate: true}\n", map[string]nist190.Status{"nodetrust-kubelet-serving-certificate": fail}},
		{"zero in a file stands for the default", file + "streamingConnectionIdleTimeout: 0s\nreadOnlyPort: 0\n", map[string]nist190.Status{
			"nodetrust-kubelet-streaming-timeout": pass, "nodetrust-kubelet-read-only-port": pass}},
		{"nothing to see", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", map[string]nist190.Status{
			"nodetrust-kubelet-anonymous": nist190.NotAssessed, "nodetrust-etcd-ca": nist190.NotAssessed, "nodetrust-node-restriction": nist190.NotAssessed,
			"nodetrust-join-verification": nist190.NotAssessed, "nodetrust-version-skew": nist190.NotAssessed, "nodetrust-webhook-kubeconfig": nist190.NotAssessed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := verdicts(t, tt.text)
			for id, want := range tt.want {
				if got[id] != want {
					t.Errorf("%s: %s, want %s", id, got[id], want)
				}
			}
		})
	}
}

// TestOneGapPerComponent: of a repository without a control plane no check says more than once per component what it misses.
func TestOneGapPerComponent(t *testing.T) {
	report, err := nist190.Run(context.Background(), inventoryOf(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"), componentChecks()...)
	if err != nil {
		t.Fatal(err)
	}
	evidence := map[string]bool{}
	for _, c := range report.Checks {
		seen := map[string]bool{}
		for _, f := range c.Findings {
			if f.Status != nist190.NotAssessed && f.Status != nist190.NotApplicable {
				t.Errorf("%s: %s: %s", c.Check.ID, f.Status, f.Message)
			}
			for _, m := range f.Missing {
				if seen[m.Evidence] {
					t.Errorf("%s misses %s twice", c.Check.ID, m.Evidence)
				}
				seen[m.Evidence], evidence[m.Evidence] = true, true
			}
		}
	}
	if len(evidence) > 20 {
		t.Errorf("%d kinds of evidence are missing: %v", len(evidence), evidence)
	}
}
