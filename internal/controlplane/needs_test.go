package controlplane_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestNeeds: every kind that is read is declared, once, as an alternative to the others.
func TestNeeds(t *testing.T) {
	declared := map[string]bool{}
	for _, n := range controlplane.Needs() {
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
		if n.Bias != inventory.Alternative {
			t.Errorf("%s is %s", n, n.Bias)
		}
		gk := inventory.CanonicalGroupKind(n.GroupKind()).String()
		if declared[gk] {
			t.Errorf("%s is declared twice", gk)
		}
		declared[gk] = true
	}
	var sources []inventory.Source
	for _, dir := range []string{"testdata/stock", "testdata/hardened", "testdata/divergent", "cloud/testdata", "distro/testdata"} {
		sources = append(sources, manifest.FS(manifest.Config{}, os.DirFS(dir), "."))
	}
	inv, err := inventory.Collect(context.Background(), controlplane.Needs(), inventory.Sources(sources...))
	var input *manifest.InputError
	if err != nil && !errors.As(err, &input) {
		t.Fatal(err)
	}
	recorded, reads := inv.Record()
	v, err := controlplane.Of(context.Background(), recorded)
	if err != nil {
		t.Fatal(err)
	}
	_ = everything(v)
	if len(reads.Kinds()) < 20 {
		t.Errorf("only %d kinds are read", len(reads.Kinds()))
	}
	for _, gk := range reads.Kinds() {
		if !declared[gk.String()] {
			t.Errorf("%s is read and not declared", gk)
		}
	}
}
