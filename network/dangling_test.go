package network_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

// failures are the subjects that a check fails in manifests.
func failures(t *testing.T, id, text string, settings ...inventory.Value) []string {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", []byte(text)), settings...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&nist190.Runner{Checks: network.Checks()}).Run(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for f := range r.Findings() {
		if f.Check.ID == id && f.Status == nist190.Fail {
			out = append(out, f.Subject.String()+" "+f.Key)
		}
	}
	return out
}

// Operators make pods that manifests do not show.
func TestDanglingBesideOperators(t *testing.T) {
	const service = `
apiVersion: v1
kind: Service
metadata: {name: prometheus, namespace: monitoring}
spec: {selector: {prometheus: k8s}, ports: [{port: 9090}]}
---
apiVersion: v1
kind: Pod
metadata: {name: operator, namespace: monitoring}
spec: {containers: [{name: c, image: i}]}
`
	const made = `---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: k8s, namespace: monitoring}
spec: {replicas: 2}
`
	if got := failures(t, "network-exposure-dangling", service); len(got) != 1 {
		t.Errorf("without an operator: %q", got)
	}
	if got := failures(t, "network-exposure-dangling", service+made); len(got) != 0 {
		t.Errorf("beside an operator: %q", got)
	}
}

// A Service selects what runs and what runs next.
func TestDanglingWhileRollingOut(t *testing.T) {
	const text = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: shop, uid: u}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web, version: two}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, version: one}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: new, namespace: shop}
spec: {selector: {app: web, version: two}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: old, namespace: shop}
spec: {selector: {app: web, version: one}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: none, namespace: shop}
spec: {selector: {app: web, version: three}, ports: [{port: 80}]}
`
	if got := failures(t, "network-exposure-dangling", text); !slices.Equal(got, []string{`Service shop/none spec.selector`}) {
		t.Errorf("got %q", got)
	}
}
