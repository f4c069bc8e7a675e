package placement_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/placement"
)

func TestChecks(t *testing.T) {
	for _, c := range placement.Checks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS(filepath.Join("testdata", id))) })
	}
}
