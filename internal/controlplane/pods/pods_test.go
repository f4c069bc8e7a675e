package pods_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/internal/controlplane/pods"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

func find(t *testing.T, name, text string) process.Found {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.FS(manifest.Config{}, fstest.MapFS{name: {Data: []byte(text)}}, "."))
	if err != nil {
		t.Fatal(err)
	}
	return pods.Find(inv)
}

const mirror = "annotations: {kubernetes.io/config.mirror: x}"

func pod(metadata, container, more string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {" + metadata + "}\nspec:\n  nodeName: cp-1\n" + more + "  containers:\n  - " + container + "\n"
}

func TestWhichPods(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             []process.Component
	}{
		{"a mirror pod", "p.yaml", pod("name: a, namespace: kube-system, "+mirror, "{name: x, image: x, command: [kube-apiserver]}", ""), []process.Component{process.KubeAPIServer}},
		{"under any name", "p.yaml", pod("name: frontend, namespace: kube-system", "{name: x, image: x, command: [/usr/bin/kube-scheduler]}", ""), []process.Component{process.KubeScheduler}},
		{"the name alone is nothing", "p.yaml", pod("name: kube-apiserver, namespace: kube-system", "{name: kube-apiserver, image: nginx:1, command: [nginx]}", ""), nil},
		{"the control plane of another cluster", "p.yaml", pod("name: a, namespace: tenant", "{name: x, image: x, command: [kube-apiserver]}", ""), nil},
		{"a mirror pod elsewhere", "p.yaml", pod("name: a, namespace: x, "+mirror, "{name: x, image: x, command: [kube-apiserver]}", ""), []process.Component{process.KubeAPIServer}},
		{"a static pod's file", "etc/kubernetes/manifests/a.yaml", pod("name: a", "{name: x, image: x, command: [kube-apiserver]}", ""), []process.Component{process.KubeAPIServer}},
		{"by its image", "p.yaml", pod("name: a, namespace: kube-system", "{name: x, image: \"r.io/kube-controller-manager:v1.33.1\", args: [--profiling=false]}", ""), []process.Component{process.KubeControllerManager}},
		{"an etcd of its own", "p.yaml", pod("name: a, namespace: kube-system, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: cilium-etcd, uid: u, controller: true}]", "{name: x, image: x, command: [etcd]}", ""), nil},
		{"one that has ended", "p.yaml", pod("name: a, namespace: kube-system", "{name: x, image: x, command: [kube-apiserver]}", "") + "status: {phase: Failed}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []process.Component
			for _, p := range find(t, tt.file, tt.text).Processes {
				got = append(got, p.Component)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContainer(t *testing.T) {
	f := find(t, "p.yaml", `
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: kube-system, `+mirror+`}
spec:
  nodeName: cp-1
  containers:
  - name: x
    image: registry:5000/kube-apiserver:v1.33.2@sha256:0000000000000000000000000000000000000000000000000000000000000000
    command: [kube-apiserver, --advertise-address=$(IP), --audit-policy-file=$(DIR)/a.yaml, "--oidc-username-prefix=$$(DIR)"]
    args: [--etcd-servers=$(UNKNOWN), --encryption-provider-config=/enc/e.yaml]
    env:
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: BASE, value: /etc}
    - {name: DIR, value: $(BASE)/audit}
    volumeMounts:
    - {name: host, mountPath: /etc/kubernetes}
    - {name: enc, mountPath: /enc}
    - {name: enc, mountPath: /one.yaml, subPath: e.yaml}
  volumes:
  - {name: host, hostPath: {path: /srv/k8s}}
  - {name: enc, configMap: {name: enc, items: [{key: config, path: e.yaml}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: enc, namespace: kube-system}
data: {config: "kind: EncryptionConfiguration", other: x}
`)
	if len(f.Processes) != 1 {
		t.Fatalf("%d processes", len(f.Processes))
	}
	p := f.Processes[0]
	if p.Name != "cp-1" || p.Version != "v1.33.2" || p.Source != "mirror pod" {
		t.Errorf("%q %q %q", p.Name, p.Version, p.Source)
	}
	got := map[string]string{}
	for _, f := range p.Flags {
		got[f.Name] = f.Value
		if f.Doubt != "" {
			got[f.Name] = "(doubt)"
		}
	}
	want := map[string]string{"advertise-address": "(doubt)", "audit-policy-file": "/etc/audit/a.yaml", "oidc-username-prefix": "$(DIR)",
		"etcd-servers": "$(UNKNOWN)", "encryption-provider-config": "/enc/e.yaml"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"/enc/e.yaml", "/one.yaml"} {
		if file, ok := p.File(name); !ok || string(file.Content()) != "kind: EncryptionConfiguration" {
			t.Errorf("%s is not found", name)
		}
	}
	if len(p.Files) != 2 {
		t.Errorf("%d files", len(p.Files))
	}
	if h := p.HostPath("/etc/kubernetes/pki/ca.crt"); h != "/srv/k8s/pki/ca.crt" {
		t.Errorf("on the node it is %s", h)
	}
	if at := p.Flags[1].Origin(); at.Line != 10 {
		t.Errorf("the flag is at %s", at)
	}
}
