package controlplane_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWeight builds programs that read manifests: one without the package, one that imports it, one that asks every
// question. The differences are what a host pays.
func TestWeight(t *testing.T) {
	t.Parallel() // it waits for builds
	dir := t.TempDir()
	size := func(name string) int64 {
		out := filepath.Join(dir, name)
		if text, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, "./testdata/weight/"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	without := size("without")
	for _, tt := range []struct {
		name  string
		limit int64
	}{{"imported", 1 << 20}, {"asked", 2 << 20}} {
		added := size(tt.name) - without
		t.Logf("%s: %d bytes more than %d", tt.name, added, without)
		if added >= tt.limit {
			t.Errorf("%s, the package adds %d bytes to a program; the limit is %d", tt.name, added, tt.limit)
		}
	}
}
