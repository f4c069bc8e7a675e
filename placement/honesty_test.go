package placement_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/placement"
)

const hardened = "../examples/manifests/shop-hardened/"

func verdicts(t *testing.T, paths ...string) map[string]nist190.Status {
	t.Helper()
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, paths...))
	if err != nil {
		t.Fatal(err)
	}
	r, err := nist190.Run(context.Background(), inv, placement.Checks()...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]nist190.Status{}
	for _, c := range r.Checks {
		out[c.Check.ID] = c.Status
	}
	return out
}

// Manifests without nodes have the verdict that no nodes change, and none on nodes.
func TestWithoutNodes(t *testing.T) {
	with := verdicts(t, hardened)
	var files []string
	for _, f := range []string{"namespaces", "backend", "build", "payments", "storefront"} {
		files = append(files, hardened+f+".yaml")
	}
	without := verdicts(t, files...)
	for id, want := range map[string][2]nist190.Status{
		"placement-possible-sharing": {nist190.Pass, nist190.NotAssessed},
		"placement-today-only":       {nist190.Pass, nist190.Pass},
		"placement-attraction":       {nist190.Pass, nist190.Pass},
		"placement-repulsion":        {nist190.Pass, nist190.NotAssessed},
	} {
		if got := [2]nist190.Status{with[id], without[id]}; got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// The example shows isolation by a taint alone, which a toleration comes past, and what each part of it is called.
func TestShopIsFlawed(t *testing.T) {
	got := verdicts(t, "../examples/manifests/shop/")
	var failed []string
	for id, s := range got {
		if s == nist190.Fail {
			failed = append(failed, strings.TrimPrefix(id, "placement-"))
		}
	}
	slices.Sort(failed)
	if want := "attraction enforcement image-digest image-signature label-protection node-unclassified possible-sharing trampoline unclassified wildcard-toleration"; strings.Join(failed, " ") != want {
		t.Errorf("%s\nwant %s", strings.Join(failed, " "), want)
	}
}
