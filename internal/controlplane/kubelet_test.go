package controlplane_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
)

const kubeletHead = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

func port(a controlplane.Answer[int]) string { return say(a, strconv.Itoa(a.Value)) }

// TestKubelet covers the way from a document to the effective value. The first case is the document that other tools judge
// wrongly in four of four fields.
func TestKubelet(t *testing.T) {
	type want struct{ anonymous, mode, rotate, bootstrap, port string }
	const configz = `{"kubeletconfig":{"authentication":{"anonymous":{"enabled":false},"webhook":{"enabled":true}},"authorization":{"mode":"Webhook"},"rotateCertificates":true}}`
	flagsOnly := func(flags ...string) string { return staticPod("kubelet", "v1.36.0", flags...) }
	tests := []struct {
		name  string
		files map[string]string
		want  want
	}{
		{"a minimal file", map[string]string{"k.yaml": kubeletHead}, want{"no, default", "Webhook, default", "no, default", "no, default", "0, default"}},
		{"a file that sets all", map[string]string{"k.yaml": kubeletHead + "authentication: {anonymous: {enabled: true}}\nauthorization: {mode: AlwaysAllow}\nrotateCertificates: true\nserverTLSBootstrap: true\nreadOnlyPort: 10255\n"},
			want{"yes, explicit k.yaml:3", "AlwaysAllow, explicit k.yaml:4", "yes, explicit k.yaml:5", "yes, explicit k.yaml:6", "10255, explicit k.yaml:7"}},
		{"zero is not set", map[string]string{"k.yaml": kubeletHead + "authorization: {mode: ''}\nrotateCertificates: false\nreadOnlyPort: 0\n"}, want{"no, default", "Webhook, default", "no, default", "no, default", "0, default"}},
		{"flags alone", map[string]string{"p.yaml": flagsOnly()}, want{"yes, default", "AlwaysAllow, default", "no, default", "no, default", "10255, default"}},
		{"flags alone, set", map[string]string{"p.yaml": flagsOnly("--anonymous-auth=false", "--authorization-mode=Webhook", "--read-only-port=0", "--rotate-certificates", "--rotate-server-certificates")},
			want{"no, explicit p.yaml:10", "Webhook, explicit p.yaml:11", "yes, explicit p.yaml:13", "yes, explicit p.yaml:14", "0, explicit p.yaml:12"}},
		{"a file that was not given", map[string]string{"p.yaml": flagsOnly("--config=/k.yaml", "--anonymous-auth=false")},
			want{"no, explicit p.yaml:11", "unknown: --config names /k.yaml, which is not among the evidence", "unknown: --config names /k.yaml, which is not among the evidence", "unknown: --config names /k.yaml, which is not among the evidence", "unknown: --config names /k.yaml, which is not among the evidence"}},
		{"drop-ins in their order", map[string]string{"kubelet/config.yaml": kubeletHead + "rotateCertificates: true\n",
			"kubelet/config.d/20-b.conf": kubeletHead + "authentication: {anonymous: {enabled: false}}\n",
			"kubelet/config.d/10-a.conf": kubeletHead + "authentication: {anonymous: {enabled: true}}\nserverTLSBootstrap: true\n"},
			want{"no, explicit kubelet/config.d/20-b.conf:3", "Webhook, default", "yes, explicit kubelet/config.yaml:3", "yes, explicit kubelet/config.d/10-a.conf:4", "0, default"}},
		{"a drop-in removes", map[string]string{"kubelet/config.yaml": kubeletHead + "authorization: {mode: AlwaysAllow}\nauthentication: {anonymous: {enabled: true}}\n",
			"kubelet/config.d/a.conf": kubeletHead + "authorization: {mode: null}\nauthentication: null\n"},
			want{"no, default", "Webhook, default", "no, default", "no, default", "0, default"}},
		{"only drop-ins", map[string]string{"kubelet/config.d/a.conf": kubeletHead + "authentication: {anonymous: {enabled: true}}\n"},
			want{"unknown: the content of /config is not known: only drop-ins are given", "unknown: the content of /config is not known: only drop-ins are given", "unknown: the content of /config is not known: only drop-ins are given",
				"unknown: the content of /config is not known: only drop-ins are given", "unknown: the content of /config is not known: only drop-ins are given"}},
		{"a drop-in that is refused", map[string]string{"kubelet/config.yaml": kubeletHead, "kubelet/config.d/a.conf": kubeletHead + "authorization: {mode: Sometimes}\n"},
			want{"unknown: what kubelet/config.d/a.conf:1 and the files before it make cannot be read: authorization.mode: must be AlwaysAllow or Webhook", "unknown: what kubelet/config.d/a.conf:1 and the files before it make cannot be read: authorization.mode: must be AlwaysAllow or Webhook",
				"unknown: what kubelet/config.d/a.conf:1 and the files before it make cannot be read: authorization.mode: must be AlwaysAllow or Webhook", "unknown: what kubelet/config.d/a.conf:1 and the files before it make cannot be read: authorization.mode: must be AlwaysAllow or Webhook", "unknown: what kubelet/config.d/a.conf:1 and the files before it make cannot be read: authorization.mode: must be AlwaysAllow or Webhook"}},
		{"what the kubelet reports", map[string]string{"n1.json": configz}, want{"no, explicit n1.json:1", "Webhook, explicit n1.json:1", "yes, explicit n1.json:1", "no, explicit n1.json:1", "0, explicit n1.json:1"}},
		{"kubeadm", map[string]string{"k.yaml": "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n---\n" + kubeletHead + "authentication: {anonymous: {enabled: true}}\n"},
			want{"yes, explicit k.yaml:6", "Webhook, installed", "yes, installed", "no, default", "0, default"}},
		{"kubeadm's own", map[string]string{"k.yaml": "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {kubeletExtraArgs: [{name: read-only-port, value: '10255'}]}\n"},
			want{"no, installed", "Webhook, installed", "yes, installed", "no, default", "10255, explicit k.yaml:3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := viewOf(t, tt.files).Kubelets()
			if len(all) != 1 {
				t.Fatalf("%d kubelets", len(all))
			}
			k := all[0]
			got := want{yes(k.AnonymousAuth().Answer), word(k.AuthorizationMode().Answer), yes(k.RotateCertificates().Answer), yes(k.ServerTLSBootstrap().Answer), port(k.ReadOnlyPort().Answer)}
			if got != tt.want {
				t.Errorf("%+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestOnlyAFlagEndsNoStream(t *testing.T) {
	k := viewOf(t, map[string]string{"k.yaml": kubeletHead + "streamingConnectionIdleTimeout: 0s\n"}).Kubelets()[0]
	if a := k.StreamingIdleTimeout(); !a.OK() || a.Value != 4*time.Hour || a.Known != controlplane.Default {
		t.Errorf("zero in a file is not set: %+v", a.Answer)
	}
	k = viewOf(t, map[string]string{"k.yaml": staticPod("kubelet", "v1.36.0", "--streaming-connection-idle-timeout=0")}).Kubelets()[0]
	if a := k.StreamingIdleTimeout(); !a.OK() || a.Value != 0 || a.Known != controlplane.Explicit {
		t.Errorf("%+v", a.Answer)
	}
}

func TestNodes(t *testing.T) {
	node := func(name, version string) string {
		return "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\nstatus: {nodeInfo: {kubeletVersion: " + version + "}}\n"
	}
	v := viewOf(t, map[string]string{
		"nodes.yaml":     node("a", "v1.36.1") + node("b", "v1.35.2"),
		"a/configz.json": `{"kubeletconfig":{"authentication":{"anonymous":{"enabled":true}},"authorization":{"mode":"Webhook"}}}`,
		"kubelet.yaml":   kubeletHead,
	})
	all := v.Kubelets()
	if len(all) != 2 || all[0].Node != "a" || all[1].Node != "b" {
		t.Fatalf("%d kubelets", len(all))
	}
	if got := yes(all[0].AnonymousAuth().Answer); got != "yes, explicit a/configz.json:1" {
		t.Errorf("a reports itself: %s", got)
	}
	if a := all[0].AnonymousAuth(); a.Strength != inventory.Observed {
		t.Error(a.Strength)
	}
	if got := yes(all[1].AnonymousAuth().Answer); got != "no, default" {
		t.Errorf("b has the file of all: %s", got)
	}
	if a := all[1].AnonymousAuth(); a.Version != (inventory.Version{Major: 1, Minor: 35}) {
		t.Errorf("the defaults are those of its own version: %s", a.Version)
	}
	if got := word(all[0].HostnameOverride().Answer); got != "unknown: /configz does not tell flags that are no part of the configuration" {
		t.Error(got)
	}
	v = viewOf(t, map[string]string{"nodes.yaml": node("a", "v1.36.1")})
	if got := yes(v.Kubelet("a").AnonymousAuth().Answer); got != "unknown: nothing describes the kubelet of node a" {
		t.Error(got)
	}
}

func TestGatesOfTheKubelet(t *testing.T) {
	files := map[string]string{"p.yaml": staticPod("kubelet", "v1.36.0", "--feature-gates=A=true"), "k.yaml": kubeletHead + "featureGates: {B: false, AllAlpha: true}\n"}
	k := viewOf(t, map[string]string{"k.yaml": kubeletHead + "featureGates: {RotateKubeletServerCertificate: false}\n"}).Kubelets()[0]
	if got := yes(k.FeatureGate("RotateKubeletServerCertificate").Answer); got != "no, explicit k.yaml:3" {
		t.Error(got)
	}
	k = viewOf(t, map[string]string{"p.yaml": files["p.yaml"]}).Kubelets()[0]
	if got := yes(k.FeatureGate("A").Answer); got != "yes, explicit p.yaml:10" {
		t.Error(got)
	}
	if got := yes(k.FeatureGate("RotateKubeletServerCertificate").Answer); got != "yes, default" {
		t.Error(got)
	}
	if got := yes(k.FeatureGate("NoSuchGate").Answer); got != "unknown: Kubernetes 1.36 has no feature gate NoSuchGate" {
		t.Error(got)
	}
}

func TestTaintsAndLabels(t *testing.T) {
	k := viewOf(t, map[string]string{"p.yaml": staticPod("kubelet", "v1.36.0", "--register-with-taints=a=b:NoSchedule,c:NoExecute", "--node-labels=x=y,z=w")}).Kubelets()[0]
	taints := k.RegisterWithTaints()
	if !taints.OK() || len(taints.Value) != 2 || taints.Value[0].Value != "b" || taints.Value[1].Key != "c" || taints.Value[1].Effect != "NoExecute" {
		t.Errorf("%+v", taints.Answer)
	}
	if labels := k.NodeLabels(); labels.Value["z"] != "w" {
		t.Errorf("%+v", labels.Answer)
	}
}

// TestFlagzOfAKubelet: it prints anonymous-auth=true whatever the file of --config says.
func TestFlagzOfAKubelet(t *testing.T) {
	flagz := "\nkubelet flagz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n" +
		"anonymous-auth=true\nconfig=/var/lib/kubelet/config.yaml\nhostname-override=other\nnode-labels=a=b\n"
	const configz = `{"kubeletconfig":{"authentication":{"anonymous":{"enabled":false}},"authorization":{"mode":"Webhook"}}}`
	k := viewOf(t, map[string]string{"n1/flagz.txt": flagz, "n1/configz.json": configz}).Kubelet("n1")
	if got := yes(k.AnonymousAuth().Answer); got != "no, explicit n1/configz.json:1" {
		t.Error(got)
	}
	if got := word(k.HostnameOverride().Answer); got != "other, explicit n1/flagz.txt:6" {
		t.Error(got)
	}
	k = viewOf(t, map[string]string{"n1/flagz.txt": flagz, "kubelet.yaml": kubeletHead + "authentication: {anonymous: {enabled: false}}\n"}).Kubelet("n1")
	if got := yes(k.AnonymousAuth().Answer); got != "no, explicit kubelet.yaml:3" {
		t.Error(got)
	}
	k = viewOf(t, map[string]string{"n1/flagz.txt": flagz}).Kubelet("n1")
	if got := yes(k.AnonymousAuth().Answer); got != "unknown: /flagz of a kubelet does not tell what its configuration came to" {
		t.Error(got)
	}
	if labels := k.NodeLabels(); labels.Value["a"] != "b" {
		t.Errorf("%+v", labels.Answer)
	}
}

func TestListsAccumulate(t *testing.T) {
	k := viewOf(t, map[string]string{"p.yaml": staticPod("kubelet", "v1.36.0", "--tls-cipher-suites=A,B", "--tls-cipher-suites=C")}).Kubelets()[0]
	if got := words(k.TLSCipherSuites().Answer); got != "A,B,C, explicit p.yaml:10" {
		t.Error(got)
	}
}
