package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/internal/apitest"
)

// failures are what a report says fails, by check, subject and key.
func failures(r jsonReport) []string {
	var out []string
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Status == "Fail" {
				out = append(out, c.ID+" "+f.Subject.Kind+" "+f.Subject.Namespace+"/"+f.Subject.Name+" "+f.Key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestCluster: a cluster that holds the manifests fails where they do.
func TestCluster(t *testing.T) {
	shop := filepath.Join(manifests, "shop")
	server := apitest.Manifests(t, nist190.Needs(catalog.All()...), shop)
	kubeconfig := server.Kubeconfig(t)
	// Levels rest on the labels of Secrets, and tokens on their types. What no API server serves is in files beside it.
	alone := failures(runJSON(t, 1, "-kubeconfig", kubeconfig, "-secret-metadata"))
	args := []string{"-kubeconfig", kubeconfig, "-secret-metadata"}
	for _, name := range []string{"kubeadm.yaml", "kubelet.yaml", "audit.yaml", "encryption.yaml", "pipeline-kubeconfig.yaml"} {
		args = append(args, filepath.Join(shop, name))
	}
	got := failures(runJSON(t, 1, args...))
	if len(alone) >= len(got) {
		t.Errorf("%d failures of the cluster alone, %d with files beside it", len(alone), len(got))
	}
	for _, f := range failures(runJSON(t, 1, shop)) {
		if !slices.Contains(got, f) {
			t.Errorf("only manifests give %s", f)
		}
	}
	if less := failures(runJSON(t, 1, "-kubeconfig", kubeconfig)); len(less) >= len(got) || len(less) == 0 {
		t.Errorf("%d failures without Secrets, %d with their metadata", len(less), len(got))
	}
	for _, r := range server.Requests() {
		if strings.HasPrefix(r, "POST") {
			t.Errorf("a scan asked %s", r)
		}
	}
	if status, _, _ := run(t, "", "-kubeconfig", filepath.Join(t.TempDir(), "none")); status != malfunction {
		t.Errorf("a kubeconfig that is not there: status %d", status)
	}
}
