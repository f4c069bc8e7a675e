package placement_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// configured is what fixtures of a check are told.
var configured = map[string][]inventory.Value{
	"placement-untrusted-registry": {placement.Images.Set(placement.ImageRules{Trusted: []placement.TrustedRegistries{
		{Levels: []string{"restricted", "confidential"}, Registries: []placement.Registry{"registry.example.com/shop", "docker.io/library/postgres"}},
		{Levels: []string{"restricted"}, Registries: []placement.Registry{"vault.example.com:5000"}},
	}})},
	"placement-image-digest": {placement.Images.Set(placement.ImageRules{DigestFrom: "confidential"})},
}

func TestChecks(t *testing.T) {
	for _, c := range placement.Checks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS(filepath.Join("testdata", id)), configured[id]...) })
	}
}
