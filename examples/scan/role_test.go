package main

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/cluster"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

// TestRole: clusterrole.yaml is what a scan with every check takes and no more, and bound to an account it is nothing that the
// package rbac would call severe.
func TestRole(t *testing.T) {
	file := "clusterrole.yaml"
	role := cluster.ClusterRole("nist190-scan", cluster.Config{}.RequiredRules(nist190.Needs(catalog.All()...)))
	want, err := yaml.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != string(want) {
		t.Fatalf("clusterrole.yaml is stale (%v): go test ./examples/scan -run TestRole -update", err)
	}
	bound := string(got) + `---
apiVersion: v1
kind: ServiceAccount
metadata: {name: scan, namespace: audit}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: nist190-scan}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nist190-scan}
subjects: [{kind: ServiceAccount, name: scan, namespace: audit}]
`
	inv, err := inventory.Collect(t.Context(), nil, manifest.Bytes(manifest.Config{}, "role.yaml", []byte(bound)))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := nist190.Run(t.Context(), inv, rbac.Checks()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rep.Checks {
		for _, f := range c.Findings {
			if f.Status == nist190.Fail && f.Severity >= nist190.SeverityHigh {
				t.Errorf("%s, %s: %s", c.Check.ID, f.Severity, f.Message)
			}
		}
	}
}
