package main

import (
	"path/filepath"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/apitest"
	"github.com/nist190/nist190/network"
)

// TestCluster: a cluster that holds the manifests has the same map as they do.
func TestCluster(t *testing.T) {
	shop := filepath.Join("..", "manifests", "shop")
	server := apitest.Manifests(t, nist190.Needs(network.Checks()...), shop)
	for _, flags := range [][]string{nil, {"-level", "zone"}, {"-suggest", "namespace"}} {
		_, want, _ := command(t, "", append(flags, shop)...)
		status, got, errs := command(t, "", append(flags, "-kubeconfig", server.Kubeconfig(t))...)
		if got != want || status != 0 {
			t.Errorf("%q: status %d, %s\n%s\nwant\n%s", flags, status, errs, got, want)
		}
	}
}
