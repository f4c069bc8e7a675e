package placement_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

func TestChecks(t *testing.T) {
	settings := map[string][]inventory.Value{
		"placement-label-protection": {placement.ControlPlane.Set(placement.Profile{NodeRestriction: placement.On})},
	}
	for _, c := range placement.Checks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS(filepath.Join("testdata", id)), settings[id]...) })
	}
	checktest.Run(t, placement.LabelProtection(), os.DirFS("testdata/placement-label-protection-unsaid"))
}
