package network

import (
	"context"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// Who reads what ZonesNeeds names, and no more, misses nothing.
func TestZonesNeeds(t *testing.T) {
	view, reads := testobj.Inventory(t, append(engineWorld, nodePolicy("Accept", "{}"))).Record()
	if _, err := ZonesOf(context.Background(), view); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, n := range ZonesNeeds() {
		named[inventory.CanonicalGroupKind(n.GroupKind()).String()] = true
	}
	for _, gk := range reads.Kinds() {
		if !named[gk.String()] {
			t.Errorf("%s is read and not named", gk)
		}
	}
	if len(reads.Kinds()) == 0 {
		t.Error("nothing was read")
	}
}
