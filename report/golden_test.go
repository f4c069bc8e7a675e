package report

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/nist190/nist190/report/internal/sample"
)

var (
	everything = sample.Everything
	attacked   = sample.Attacked
	many       = sample.Many
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what a format wrote with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; run the test with -update and read the difference.\ngot:\n%s", file, got)
	}
}
