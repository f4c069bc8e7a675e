package nodetrust

import (
	"os"
	"testing"
	"time"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
)

// today is that of the fixtures.
var today = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// TestComponentChecks runs the fixtures of every check that asks about components.
func TestComponentChecks(t *testing.T) {
	for _, c := range componentChecks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) {
			for _, name := range []string{"fail.yaml", "pass.yaml", "missing.yaml"} {
				if _, err := os.Stat("testdata/" + id + "/" + name); err != nil {
					t.Error(err)
				}
			}
			checktest.Run(t, c, os.DirFS("testdata/"+id), inventory.Clock.Set(inventory.Instant{Time: today}))
		})
	}
}
