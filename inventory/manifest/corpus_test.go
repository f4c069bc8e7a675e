package manifest_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestCorpus reads real manifests that apply cleanly: there is nothing to complain about.
func TestCorpus(t *testing.T) {
	const corpus = "../../../shared/corpus"
	for name, objects := range map[string]int{"kube-prometheus": 131, "microservices-demo": 35} {
		dir := filepath.Join(corpus, name)
		if _, err := os.Stat(dir); err != nil {
			t.Skip("no corpus")
		}
		inv, err := collect(t, manifest.Paths(bare, dir))
		if err != nil || inv.Len() != objects {
			t.Errorf("%s: %d objects, %v", name, inv.Len(), err)
		}
		for _, p := range inv.Problems() {
			if p.Level != inventory.ProblemNotice {
				t.Errorf("%s: %s %s", name, p.Code, p)
			}
		}
		var wg sync.WaitGroup
		for o := range inv.All() {
			for range 2 { // positions are asked for from several goroutines
				wg.Go(func() {
					if at := o.Origin("metadata", "name"); at.Line <= o.Origin().Line {
						t.Errorf("%s: name at %v, object at %v", o.Ref(), at, o.Origin())
					}
				})
			}
		}
		wg.Wait()
	}
}
