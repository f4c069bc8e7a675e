package catalog_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/report"
)

var update = flag.Bool("update", false, "rewrite docs/checks.md")

// TestChecksAreDocumented: docs/checks.md is what the metadata of the checks says.
func TestChecksAreDocumented(t *testing.T) {
	const file = "../docs/checks.md"
	var want bytes.Buffer
	if err := report.ChecksMarkdown(&want, catalog.Checks(nil)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is stale (%v): go test ./catalog -update writes it", file, err)
	}
}
