package nodetrust

import (
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
)

// Every check of this half against its fixtures.
func TestFixtures(t *testing.T) {
	for _, c := range nodeChecks() {
		id := c.Metadata().ID
		if id == runtimeSocket.ID || id == blastRadiusCheck.ID {
			continue
		}
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS("testdata/"+id)) })
	}
}
