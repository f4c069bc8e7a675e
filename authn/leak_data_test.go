package authn

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestNoKeysInFindings plants credentials wherever the inputs of these checks can hold one, and looks for them in everything
// that is said.
func TestNoKeysInFindings(t *testing.T) {
	const planted = "cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQtcGxhbnRlZDE=" // base64 of 32 bytes
	files := map[string]string{
		"pod.yaml": `apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec: {containers: [{name: kube-apiserver, image: "kube-apiserver:v1.37.0", command: [kube-apiserver, --encryption-provider-config=/etc/e.yaml, --audit-policy-file=/etc/p.yaml, --audit-log-path=/l]}]}
`,
		"etc/e.yaml": "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n" +
			"  - aescbc: {keys: [{name: k, secret: " + planted + "}]}\n  - secretbox: {keys: [{name: k, secret: '" + planted + "x'}]}\n",
		"etc/p.yaml":   "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: " + planted + "}]\n",
		"broken.yaml":  "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: {secrets: " + planted + "}\n",
		"old.yaml":     "apiVersion: v1\nkind: EncryptionConfig\nresources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: k, secret: " + planted + "}]}}]}]\n",
		"smb.yaml":     "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: smb, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}\nprovisioner: smb.csi.k8s.io\nmountOptions: [username=u, password=" + planted + "]\n",
		"flex.yaml":    "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], flexVolume: {driver: x/y, options: {password: " + planted + "}}}\n",
		"backup.yaml":  "apiVersion: velero.io/v1\nkind: BackupStorageLocation\nmetadata: {name: b, namespace: velero}\nspec: {provider: aws, config: {s3Url: 'http://u:" + planted + "@s3.example.com'}}\n",
		"control.yaml": "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: KubeadmControlPlane\nmetadata: {name: c, namespace: d}\nspec:\n  version: v1.33.0\n  kubeadmConfigSpec:\n    clusterConfiguration: {apiServer: {extraArgs: {encryption-provider-config: /etc/kubernetes/e.yaml}}}\n    files:\n    - path: /etc/kubernetes/e.yaml\n      content: |\n        apiVersion: apiserver.config.k8s.io/v1\n        kind: EncryptionConfiguration\n        resources:\n        - resources: [secrets]\n          providers:\n          - aescbc: {keys: [{name: k, secret: " + planted + "}]}\n",
	}
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fs, "."))
	said := fmt.Sprint(err)
	report, err := nist190.Run(context.Background(), inv, dataChecks()...)
	said += fmt.Sprint(err)
	found := 0
	for f := range report.Findings() {
		said += fmt.Sprintf("%v %s %s %s %v\n", f.Subject, f.Key, f.Message, f.Remediation, f.Path)
		for _, ev := range f.Evidence {
			said += fmt.Sprintf("%v %s %s %s\n", ev.Ref, ev.Path, ev.Value, ev.Note)
		}
		if f.Status == nist190.Fail {
			found++
		}
	}
	for _, p := range report.Problems {
		said += p.Message + "\n"
	}
	for _, secret := range []string{planted, planted[:16], "planted-planted"} {
		if i := strings.Index(said, secret); i >= 0 {
			t.Errorf("…%s…", said[max(0, i-120):min(len(said), i+60)])
		}
	}
	if found < 4 {
		t.Errorf("%d failures: what was planted was not looked at\n%s", found, said)
	}
}

// TestKeyInTemplate: a configuration that is written into the template of a control plane is found there.
func TestKeyInTemplate(t *testing.T) {
	const template = "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: KubeadmControlPlane\nmetadata: {name: c, namespace: d}\nspec:\n  version: v1.33.0\n  kubeadmConfigSpec:\n    clusterConfiguration: {apiServer: {extraArgs: {encryption-provider-config: /etc/kubernetes/e.yaml}}}\n    files:\n    - path: /etc/kubernetes/e.yaml\n      content: |\n        apiVersion: apiserver.config.k8s.io/v1\n        kind: EncryptionConfiguration\n        resources:\n        - resources: [secrets]\n          providers:\n          - aescbc: {keys: [{name: k, secret: KEY}]}\n"
	for key, want := range map[string]nist190.Status{"bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=": nist190.Fail, "<BASE 64 ENCODED SECRET>": nist190.NotApplicable} {
		inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "c.yaml", []byte(strings.Replace(template, "KEY", key, 1))))
		if err != nil {
			t.Fatal(err)
		}
		report, err := nist190.Run(context.Background(), inv, EncryptionKey())
		if err != nil {
			t.Fatal(err)
		}
		for f := range report.Findings() {
			if f.Status != want {
				t.Errorf("%s: %s: %s", key, f.Status, f.Message)
			}
		}
	}
}

// TestKeyOfDistribution: RKE2 makes its key when it starts, and nobody has written it down.
func TestKeyOfDistribution(t *testing.T) {
	const rke2 = "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: RKE2ControlPlane\nmetadata: {name: r, namespace: d}\nspec: {version: v1.33.0+rke2r1, serverConfig: {}}\n"
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "r.yaml", []byte(rke2)))
	if err != nil {
		t.Fatal(err)
	}
	report, err := nist190.Run(context.Background(), inv, EncryptionKey(), etcdChecks()[0])
	if err != nil {
		t.Fatal(err)
	}
	encrypted := false
	for f := range report.Findings() {
		if f.Status == nist190.Fail {
			t.Errorf("%s: %s", f.Check.ID, f.Message)
		}
		encrypted = encrypted || f.Check.ID == "authn-secret-encryption" && f.Status == nist190.Pass
	}
	if !encrypted {
		t.Error("RKE2 encrypts Secrets by itself")
	}
}
