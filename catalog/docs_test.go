package catalog_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/report"
)

var update = flag.Bool("update", false, "rewrite docs/checks.md")

// TestChecksAreDocumented: docs/checks.md is what the metadata of the checks says, and which of them covers what is known
// to go wrong.
func TestChecksAreDocumented(t *testing.T) {
	const file = "../docs/checks.md"
	var want bytes.Buffer
	if err := report.ChecksMarkdown(&want, catalog.Checks(nil)); err != nil {
		t.Fatal(err)
	}
	coverage, err := os.ReadFile("testdata/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, c := range catalog.Checks(nil) {
		ids[c.Metadata().ID] = true
	}
	for _, id := range regexp.MustCompile(`\b(rbac|authn|network|placement|nodetrust)-[a-z-]+`).FindAllString(string(coverage), -1) {
		if !ids[id] {
			t.Errorf("testdata/coverage.md names %s, which is no check", id)
		}
	}
	for id := range ids {
		if strings.HasPrefix(id, "rbac-") && !bytes.Contains(coverage, []byte(id)) {
			t.Errorf("testdata/coverage.md does not name %s", id)
		}
	}
	want.Write(coverage)
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
