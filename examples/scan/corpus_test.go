package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected findings, keeping their reasons")

// TestCorpus scans real manifests. testdata/corpus has every finding that is expected of them, with the reason why its
// owner would want to see it.
func TestCorpus(t *testing.T) {
	corpus, err := filepath.Abs("../../../shared/corpus")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("the corpus is not beside the checkout")
	}
	for _, name := range []string{"kubernetes-goat", "kube-prometheus", "microservices-demo"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "corpus", name+".txt")
			want := readExpected(t, file)
			got := map[string]string{}
			for _, line := range corpusFindings(t, filepath.Join(corpus, name)) {
				got[line] = want[line]
			}
			if *update {
				writeExpected(t, file, got)
			}
			for line := range want {
				if _, ok := got[line]; !ok {
					t.Errorf("expected and not found: %s", line)
				}
			}
			for line, reason := range got {
				if _, ok := want[line]; !ok {
					t.Errorf("found and not expected: %s", line)
				} else if reason == "" {
					t.Errorf("%s: no reason for: %s", file, line)
				}
			}
		})
	}
}

func corpusFindings(t *testing.T, dir string) []string {
	t.Helper()
	status, _, errs := run(t, "", dir)
	if status > 2 {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	var lines []string
	r := runJSON(t, status, dir)
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Status != "Fail" && f.Provisional != "Fail" {
				continue
			}
			subject := f.Subject.Kind + " " + strings.TrimPrefix(f.Subject.Namespace+"/"+f.Subject.Name, "/")
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Status, c.ID, subject, f.Key)))
		}
	}
	for _, p := range r.Problems {
		if p.Level != "notice" {
			uri, _ := filepath.Rel(dir, p.Origin.URI)
			lines = append(lines, fmt.Sprintf("Problem %s %s", p.Code, uri))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

const separator = "  # "

func readExpected(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		finding, reason, _ := strings.Cut(strings.TrimSpace(line), separator)
		out[strings.TrimSpace(finding)] = reason
	}
	return out
}

func writeExpected(t *testing.T, file string, lines map[string]string) {
	t.Helper()
	var b strings.Builder
	keys := make([]string, 0, len(lines))
	for k := range lines {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	for _, k := range keys {
		b.WriteString(strings.TrimSpace(k+separator+lines[k]) + "\n")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
