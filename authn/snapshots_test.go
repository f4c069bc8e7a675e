package authn_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory/manifest"
)

var update = flag.Bool("update", false, "write testdata/snapshots/*/verdicts.txt")

var snapshots = []string{"kubeadm", "kubeadm-hardened", "eks", "gke", "aks"}

// TestSnapshots holds the verdicts on clusters as their vendors make them against a table, of which each row cites the document
// that it follows from.
func TestSnapshots(t *testing.T) {
	for _, name := range snapshots {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "snapshots", name)
			report := evaluate(t, snapshot(t, dir))
			rows := verdicts(t, dir)
			if *update {
				write(t, dir, rows, report)
				return
			}
			for _, c := range report.Checks {
				r, ok := rows[c.Check.ID]
				switch {
				case !ok:
					t.Errorf("%s: %s, and the table does not have it (-update adds it; then cite the document)", c.Check.ID, c.Status)
				case r.status != c.Status.String():
					t.Errorf("%s: %s, want %s by %s", c.Check.ID, c.Status, r.status, r.source)
				case r.source == "" || r.source == "?":
					t.Errorf("%s cites no document", c.Check.ID)
				}
			}
			for id := range rows {
				if !slices.ContainsFunc(report.Checks, func(c nist190.CheckResult) bool { return c.Check.ID == id }) {
					t.Errorf("%s is no check", id)
				}
			}
		})
	}
}

// TestGapsAreFew: what a vendor hides is a few groups, each with what would unlock it, and none of a node.
func TestGapsAreFew(t *testing.T) {
	for _, name := range snapshots {
		gaps := evaluate(t, snapshot(t, filepath.Join("testdata", "snapshots", name))).Gaps()
		if len(gaps) > 12 {
			t.Errorf("%s: %d groups", name, len(gaps))
		}
		for _, g := range gaps {
			if g.Evidence == "" && g.Reason != nist190.ReasonManualReview && g.Reason != nist190.ReasonUnknown {
				t.Errorf("%s: %s (%s) names no evidence", name, g.Message, g.Reason)
			}
			// What a person attests, and what only another configuration would make known, has its finding say so.
			if g.Example.Kind == "Node" || g.Findings > len(g.Checks) {
				t.Errorf("%s: %d findings of %d checks: %+v", name, g.Findings, len(g.Checks), g)
			}
		}
	}
}

func snapshot(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".txt") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func evaluate(t *testing.T, files fs.FS, attestations ...nist190.Attestation) *nist190.Report {
	t.Helper()
	runner := nist190.Runner{Checks: authn.Checks(), Attestations: attestations}
	report, err := runner.Scan(context.Background(), manifest.FS(manifest.Config{}, files, "."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Problems {
		t.Errorf("%v", p)
	}
	return report
}

type row struct{ status, source string }

// verdicts reads the tables of a snapshot: check, status, document. Lines that begin with # are comments. Those of data are apart.
func verdicts(t *testing.T, dir string) map[string]row {
	t.Helper()
	out := map[string]row{}
	names := []string{"verdicts.txt"}
	if len(authn.Checks()) > len(authn.LoginChecks()) {
		names = append(names, "verdicts-data.txt")
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.SplitN(strings.TrimSpace(line), " ", 2)
			if f[0] == "" || f[0] == "#" {
				continue
			}
			status, source, _ := strings.Cut(strings.TrimSpace(f[1]), " ")
			out[f[0]] = row{status, strings.TrimSpace(source)}
		}
	}
	return out
}

// write keeps the comments at the top and the documents.
func write(t *testing.T, dir string, rows map[string]row, report *nist190.Report) {
	t.Helper()
	logins := map[string]bool{}
	for _, c := range authn.LoginChecks() {
		logins[c.Metadata().ID] = true
	}
	for name, ofLogins := range map[string]bool{"verdicts.txt": true, "verdicts-data.txt": false} {
		name = filepath.Join(dir, name)
		old, _ := os.ReadFile(name)
		var b strings.Builder
		for line := range strings.Lines(string(old)) {
			if strings.HasPrefix(line, "#") {
				b.WriteString(line)
			}
		}
		n := 0
		for _, c := range report.Checks {
			if logins[c.Check.ID] != ofLogins {
				continue
			}
			n++
			source := rows[c.Check.ID].source
			if source == "" {
				source = "?"
			}
			fmt.Fprintf(&b, "%-36s %-14s %s\n", c.Check.ID, c.Status, source)
		}
		if n == 0 {
			continue
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
