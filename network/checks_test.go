package network_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/network"
)

// Every check has fixtures in which it fails, passes and lacks evidence.
func TestChecks(t *testing.T) {
	for _, check := range network.Checks() {
		t.Run(check.Metadata().ID, func(t *testing.T) {
			t.Parallel()
			fixtures := os.DirFS("testdata/" + check.Metadata().ID)
			for _, name := range []string{"fail.yaml", "pass.yaml", "missing.yaml"} {
				if _, err := fs.Stat(fixtures, name); err != nil {
					t.Error(err)
				}
			}
			checktest.Run(t, check, fixtures)
		})
	}
}
