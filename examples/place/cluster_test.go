package main

import (
	"path/filepath"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/apitest"
	"github.com/nist190/nist190/placement"
)

// TestCluster: a cluster that holds the manifests gives the same answer as they do.
func TestCluster(t *testing.T) {
	shop := filepath.Join(manifests, "shop")
	server := apitest.Manifests(t, nist190.Needs(placement.Checks()...), shop)
	want, _, _ := run(t, shop)
	got, errs, status := run(t, "-kubeconfig", server.Kubeconfig(t), "-context", "test")
	if got != want || status != 0 {
		t.Errorf("status %d, %s\n%s\nwant\n%s", status, errs, got, want)
	}
	if _, _, status := run(t, "-kubeconfig", server.Kubeconfig(t), "-context", "none"); status != malfunction {
		t.Errorf("a context that is not there: status %d", status)
	}
}
