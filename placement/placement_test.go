package placement_test

import (
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/rbac"
)

// configured is what fixtures of a check are told.
var configured = map[string][]inventory.Value{
	"placement-untrusted-registry": {placement.Images.Set(placement.ImageRules{Trusted: []placement.TrustedRegistries{
		{Levels: []string{"restricted", "confidential"}, Registries: []placement.Registry{"registry.example.com/shop", "docker.io/library/postgres"}},
		{Levels: []string{"restricted"}, Registries: []placement.Registry{"vault.example.com:5000"}},
	}})},
	"placement-team-node": {rbac.Teams.Set(rbac.TeamList{
		{Name: "test", Namespaces: []string{"test-*"}, Nodes: inventory.Selector{Labels: &metav1.LabelSelector{MatchLabels: map[string]string{"stage": "test"}}}},
		{Name: "web", Namespaces: []string{"web"}},
	})},
	"placement-image-digest": {placement.Images.Set(placement.ImageRules{DigestFrom: "confidential"})},
}

func TestChecks(t *testing.T) {
	for _, c := range placement.Checks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) { checktest.Run(t, c, os.DirFS(filepath.Join("testdata", id)), configured[id]...) })
	}
}
