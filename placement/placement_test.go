package placement_test

import (
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/placement"
)

func TestUnclassified(t *testing.T) {
	checktest.Run(t, placement.Unclassified(), os.DirFS("testdata/placement-unclassified"))
}

func TestAttraction(t *testing.T) {
	checktest.Run(t, placement.Attraction(), os.DirFS("testdata/placement-attraction"))
}
