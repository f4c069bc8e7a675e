package main

import (
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/apitest"
	"github.com/nist190/nist190/rbac"
)

// TestCluster: a cluster that holds the manifests gives the same answers as they do, and is asked for nothing but RBAC.
func TestCluster(t *testing.T) {
	const shop = "testdata/shop.yaml"
	server := apitest.Manifests(t, rbac.AccessNeeds(), shop)
	for _, question := range [][]string{{"-who-can", "create pods/exec", "-n", "shop"}, {"-lookup", "jane"}, {"-rules", "user:jane", "-n", "shop"}} {
		want, _, _ := run(t, "", append(question, "-f", shop)...)
		got, errs, status := run(t, "", append(question, "-kubeconfig", server.Kubeconfig(t))...)
		if got != want || status != 0 || errs != "" {
			t.Errorf("%q: status %d, %s\n%s\nwant\n%s", question, status, errs, got, want)
		}
	}
	for _, r := range server.Requests() {
		if strings.Contains(r, "limit=") && !strings.Contains(r, "rbac.authorization.k8s.io") {
			t.Errorf("it asked %s", r)
		}
	}
}
