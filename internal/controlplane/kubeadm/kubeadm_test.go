package kubeadm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/kubeadm"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func find(t *testing.T, text string) process.Found {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "kubeadm.yaml", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return kubeadm.Find(inv)
}

func pick(t *testing.T, f process.Found, c process.Component) *process.Process {
	t.Helper()
	for i := range f.Processes {
		if f.Processes[i].Component == c {
			return &f.Processes[i]
		}
	}
	t.Fatalf("no %s; problems: %v", c, f.Problems)
	return nil
}

func value(p *process.Process, name string) string {
	f, ok := p.Last(name)
	switch {
	case !ok:
		return "(absent)"
	case f.Doubt != "":
		return "(doubt)"
	case f.Default:
		return f.Value + " (kubeadm)"
	}
	return f.Value + " " + inventory.PathString(f.Path...)
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name, text string
		component  process.Component
		want       map[string]string
	}{
		{"what kubeadm passes by itself", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", process.KubeAPIServer, map[string]string{
			"authorization-mode":            "Node,RBAC (kubeadm)",
			"enable-admission-plugins":      "NodeRestriction (kubeadm)",
			"client-ca-file":                "/etc/kubernetes/pki/ca.crt (kubeadm)",
			"etcd-servers":                  "https://127.0.0.1:2379 (kubeadm)",
			"anonymous-auth":                "(absent)",
			"advertise-address":             "(doubt)",
			"service-account-issuer":        "https://kubernetes.default.svc.cluster.local (kubeadm)",
			"kubelet-certificate-authority": "(absent)",
		}},
		{"arguments are a list", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificatesDir: /pki
apiServer:
  extraArgs:
  - {name: authorization-mode, value: "RBAC"}
  - {name: enable-admission-plugins, value: "NodeRestriction,PodNodeSelector"}
  extraVolumes: [{name: enc, hostPath: /srv/enc, mountPath: /etc/enc}]
`, process.KubeAPIServer, map[string]string{
			"authorization-mode":       "RBAC apiServer.extraArgs[0].value",
			"enable-admission-plugins": "NodeRestriction,PodNodeSelector apiServer.extraArgs[1].value",
			"tls-cert-file":            "/pki/apiserver.crt (kubeadm)",
		}},
		{"arguments were a map", `
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  extraArgs: {anonymous-auth: "false"}
`, process.KubeAPIServer, map[string]string{"anonymous-auth": "false apiServer.extraArgs.anonymous-auth", "authorization-mode": "Node,RBAC (kubeadm)"}},
		{"merged, the comma is the user's", `
apiVersion: kubeadm.k8s.io/v1
kind: ClusterConfiguration
apiServer:
  extraArgs:
  - {name: enable-admission-plugins, value: ",AlwaysPullImages", mergeMethod: append}
  - {name: authorization-mode, value: "Webhook,", mergeMethod: prepend}
`, process.KubeAPIServer, map[string]string{
			"enable-admission-plugins": "NodeRestriction,AlwaysPullImages apiServer.extraArgs[0].value",
			"authorization-mode":       "Webhook,Node,RBAC apiServer.extraArgs[1].value",
		}},
		{"a structured authorization takes the mode away", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs: [{name: authorization-config, value: /etc/a.yaml}]
`, process.KubeAPIServer, map[string]string{"authorization-mode": "(absent)", "authorization-config": "/etc/a.yaml apiServer.extraArgs[0].value"}},
		{"an external etcd", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd: {external: {endpoints: ["https://a:2379", "https://b:2379"], caFile: /c, certFile: "", keyFile: ""}}
`, process.KubeAPIServer, map[string]string{"etcd-servers": "https://a:2379,https://b:2379 (kubeadm)", "etcd-cafile": "/c (kubeadm)", "etcd-certfile": "(absent)"}},
		{"of two before 1.32 the greater counts", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.31.1
apiServer: {extraArgs: [{name: anonymous-auth, value: "true"}, {name: anonymous-auth, value: "false"}]}
`, process.KubeAPIServer, map[string]string{"anonymous-auth": "true apiServer.extraArgs[0].value"}},
		{"of two since 1.32 the last counts", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.32.1
apiServer: {extraArgs: [{name: anonymous-auth, value: "true"}, {name: anonymous-auth, value: "false"}]}
`, process.KubeAPIServer, map[string]string{"anonymous-auth": "false apiServer.extraArgs[1].value"}},
		{"patches may change everything", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
patches: {directory: /patches}
`, process.KubeAPIServer, map[string]string{"authorization-mode": "(doubt)"}},
		{"etcd", `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd: {local: {dataDir: /data, extraArgs: [{name: client-cert-auth, value: "false"}], extraEnvs: [{name: ETCD_DEBUG, value: "1"}]}}
`, process.Etcd, map[string]string{
			"client-cert-auth": "false etcd.local.extraArgs[0].value", "peer-client-cert-auth": "true (kubeadm)", "data-dir": "/data (kubeadm)",
			"listen-client-urls": "https://127.0.0.1:2379,https://ADDRESS:2379 (kubeadm)",
		}},
		{"the controller manager", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.0.0.0/8}\n", process.KubeControllerManager, map[string]string{
			"use-service-account-credentials": "true (kubeadm)", "bind-address": "127.0.0.1 (kubeadm)", "allocate-node-cidrs": "true (kubeadm)", "profiling": "(absent)",
		}},
		{"the kubelet of a control plane", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {name: a, kubeletExtraArgs: [{name: node-ip, value: 1.2.3.4}]}\n", process.Kubelet, map[string]string{
			"config": "/var/lib/kubelet/config.yaml (kubeadm)", "node-ip": "1.2.3.4 nodeRegistration.kubeletExtraArgs[0].value",
			"register-with-taints": "node-role.kubernetes.io/control-plane=:NoSchedule (kubeadm)",
		}},
		{"no taint on purpose", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {taints: []}\n", process.Kubelet, map[string]string{"register-with-taints": "(absent)"}},
		{"a taint", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {taints: [{key: a, value: b, effect: NoSchedule}]}\ndiscovery: {bootstrapToken: {token: a.b}}\n", process.Kubelet, map[string]string{
			"register-with-taints": "a=b:NoSchedule nodeRegistration.taints",
		}},
		{"from the cluster", `
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    apiServer: {extraArgs: [{name: profiling, value: "false"}]}
`, process.KubeAPIServer, map[string]string{"profiling": "false data.ClusterConfiguration.apiServer.extraArgs[0].value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pick(t, find(t, tt.text), tt.component)
			got := map[string]string{}
			for name := range tt.want {
				got[name] = value(p, name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesOfTheKubelet(t *testing.T) {
	f := find(t, `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificatesDir: /pki
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration: {name: worker}
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, unsafeSkipCAVerification: true}}
`)
	var names []string
	for _, p := range f.Processes {
		if p.Component != process.Kubelet {
			continue
		}
		names = append(names, p.Name)
		file, ok := p.File("/var/lib/kubelet/config.yaml")
		if !ok || file.Missing != "" || file.Object.Ref().Kind != "KubeletConfiguration" {
			t.Errorf("kubelet %q has %v", p.Name, file.Path)
		}
		if !strings.Contains(string(file.Defaults), `"/pki/ca.crt"`) || string(file.Forced) != `{"rotateCertificates":true}` {
			t.Errorf("kubeadm adds %s and %s", file.Defaults, file.Forced)
		}
	}
	if diff := cmp.Diff([]string{"", "worker"}, names); diff != "" {
		t.Error(diff)
	}
	if len(f.Joins) != 1 || !f.Joins[0].SkipCA || !f.Joins[0].Token.Literal() || f.Joins[0].Node != "worker" {
		t.Errorf("joins: %+v", f.Joins)
	}
}

func TestAJoiningNodeAlone(t *testing.T) {
	f := find(t, "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /d.conf}}\n")
	p := pick(t, f, process.Kubelet)
	if file, _ := p.File("/var/lib/kubelet/config.yaml"); file.Missing == "" {
		t.Error("the configuration of the kubelet is in the cluster, and was not given")
	}
	if len(f.Processes) != 1 || f.Joins[0].Method != process.ByFile {
		t.Errorf("%d processes, join %+v", len(f.Processes), f.Joins[0])
	}
}

func TestTokens(t *testing.T) {
	f := find(t, `
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: 0123456789abcdef
bootstrapTokens:
- {token: abcdef.0123456789abcdef, ttl: 0s}
- {token: "{{ token }}", groups: ["system:bootstrappers:a"]}
`)
	if len(f.Tokens) != 3 {
		t.Fatalf("%d tokens", len(f.Tokens))
	}
	if a := f.Tokens[0]; !a.Literal() || a.TTL == nil || *a.TTL != 0 {
		t.Errorf("a token that never ends: %+v", a)
	}
	if b := f.Tokens[1]; b.Literal() || b.TTL != nil {
		t.Errorf("a placeholder: %+v", b)
	}
	if c := f.Tokens[2]; !c.Certificates || !c.Literal() {
		t.Errorf("the key of the certificates: %+v", c)
	}
}

func TestProblemsQuoteNothing(t *testing.T) {
	f := find(t, "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\ncertificateKey: planted-key\nnodeRegistration: planted-key\n")
	if len(f.Problems) == 0 {
		t.Fatal("no problem")
	}
	for _, p := range f.Problems {
		if strings.Contains(p.String(), "planted") {
			t.Error(p)
		}
	}
}
