package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/html"
	"github.com/nist190/nist190/report/internal/sample"
	"github.com/nist190/nist190/report/junit"
	"github.com/nist190/nist190/report/ocsf"
	"github.com/nist190/nist190/report/openreports"
	"github.com/nist190/nist190/report/oscal"
	"github.com/nist190/nist190/report/prometheus"
	"github.com/nist190/nist190/report/sarif"
)

// every has each format that is a package of its own, under the name of its golden file.
var every = map[string]func(io.Writer, *nist190.Report) error{
	"everything-junit.xml": func(w io.Writer, r *nist190.Report) error { return junit.Write(w, r, junit.Options{}) },
	"everything-junit-evidence.xml": func(w io.Writer, r *nist190.Report) error {
		return junit.Write(w, r, junit.Options{RequireEvidence: true})
	},
	"everything-oscal.json": func(w io.Writer, r *nist190.Report) error { return oscal.Write(w, r, oscal.Options{}) },
	"everything-oscal-plan.json": func(w io.Writer, r *nist190.Report) error {
		return oscal.WritePlan(w, r, oscal.Options{Version: "1.2.2"})
	},
	"oscal-catalog.json":          func(w io.Writer, _ *nist190.Report) error { return oscal.WriteCatalog(w, oscal.Options{}) },
	"everything-openreports.json": func(w io.Writer, r *nist190.Report) error { return openreports.Write(w, r, openreports.Options{}) },
	"everything-ocsf.ndjson":      func(w io.Writer, r *nist190.Report) error { return ocsf.Write(w, r, ocsf.Options{}) },
	"everything-metrics.txt": func(w io.Writer, r *nist190.Report) error {
		return prometheus.Write(w, r, prometheus.Options{Namespaces: true})
	},
	"everything.html": func(w io.Writer, r *nist190.Report) error { return html.Write(w, r, html.Options{}) },
	"everything-changes.html": func(w io.Writer, r *nist190.Report) error {
		d := nist190.Compare(r, r)
		return html.Write(w, r, html.Options{Title: "Nightly scan", Delta: &d})
	},
	"everything.sarif": func(w io.Writer, r *nist190.Report) error { return sarif.Write(w, r, sarif.Options{}) },
	"everything-all.sarif": func(w io.Writer, r *nist190.Report) error {
		return sarif.Write(w, r, sarif.Options{All: true, Root: "deploy", Category: "nightly", Version: "1.2.3"})
	},
}

func written(t testing.TB, write func(io.Writer, *nist190.Report) error, rep *nist190.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryFormatGolden(t *testing.T) {
	for name, write := range every {
		t.Run(name, func(t *testing.T) {
			rep := sample.Everything(t)
			rep.Run.Checks, rep.Run.Duration = nil, 0 // the rest is the same in every run
			got := written(t, write, rep)
			file := filepath.Join("testdata", name)
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (run the test with -update)", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; run the test with -update and read the difference.\ngot:\n%s", file, got)
			}
		})
	}
}

// TestEveryFormatHoldsAnything: whatever is in a report, the output is text that does nothing, and the same each time.
func TestEveryFormatHoldsAnything(t *testing.T) {
	reports := map[string]func(testing.TB) *nist190.Report{
		"empty": sample.Empty, "everything": sample.Everything, "attacked": sample.Attacked, "long": sample.Long,
		"many":   func(t testing.TB) *nist190.Report { return sample.Many(t, 1000) },
		"no run": func(testing.TB) *nist190.Report { return &nist190.Report{} },
		"compared": func(t testing.TB) *nist190.Report {
			base, rep := sample.Compared(t)
			nist190.Compare(base, rep)
			return rep
		},
	}
	for name, write := range every {
		for kind, make := range reports {
			t.Run(name+"/"+kind, func(t *testing.T) {
				rep := make(t)
				out := written(t, write, rep)
				if again := written(t, write, rep); !bytes.Equal(out, again) {
					t.Error("differs when written again")
				}
				if !utf8.Valid(out) {
					t.Error("not UTF-8")
				}
				for _, r := range string(out) {
					if r != '\n' && !unicode.IsPrint(r) {
						t.Fatalf("holds %q", r)
					}
				}
			})
		}
	}
}

type brokenWriter struct{ room int }

var errFull = errors.New("the disk is full")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestEveryFormatReportsTheErrorOfTheWriter(t *testing.T) {
	rep := sample.Many(t, 2000)
	for name, write := range every {
		for _, room := range []int{0, 1, 100000} {
			if size := len(written(t, write, rep)); size <= room {
				continue
			}
			if err := write(&brokenWriter{room}, rep); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d bytes: %v", name, room, err)
			}
		}
	}
}
