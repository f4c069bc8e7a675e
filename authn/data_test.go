package authn

import (
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
)

// TestData runs the fixtures of every check of data: failing, passing, and with evidence missing.
func TestData(t *testing.T) {
	for _, c := range dataChecks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) {
			for _, name := range []string{"fail", "pass", "missing"} {
				if _, err := os.Stat("testdata/" + id + "/" + name + ".yaml"); err != nil {
					t.Error(err)
				}
			}
			checktest.Run(t, c, os.DirFS("testdata/"+id))
		})
	}
}
