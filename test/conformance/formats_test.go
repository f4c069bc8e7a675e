package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/html"
	"github.com/nist190/nist190/report/junit"
	"github.com/nist190/nist190/report/ocsf"
	"github.com/nist190/nist190/report/openreports"
	"github.com/nist190/nist190/report/oscal"
	"github.com/nist190/nist190/report/prometheus"
	"github.com/nist190/nist190/report/sarif"
)

// formats has every machine format with what holds its output against its specification.
var formats = map[string]struct {
	write    func(io.Writer, *nist190.Report) error
	validate func(t *testing.T, out []byte)
}{
	"html":  {func(w io.Writer, r *nist190.Report) error { return html.Write(w, r, html.Options{}) }, validHTML},
	"junit": {func(w io.Writer, r *nist190.Report) error { return junit.Write(w, r, junit.Options{}) }, validJUnit},
	"junit evidence": {func(w io.Writer, r *nist190.Report) error {
		return junit.Write(w, r, junit.Options{RequireEvidence: true})
	}, validJUnit},
	"oscal":       {func(w io.Writer, r *nist190.Report) error { return oscal.Write(w, r, oscal.Options{}) }, validOSCAL},
	"oscal 1.2.2": {func(w io.Writer, r *nist190.Report) error { return oscal.Write(w, r, oscal.Options{Version: "1.2.2"}) }, validOSCAL},
	"oscal plan":  {func(w io.Writer, r *nist190.Report) error { return oscal.WritePlan(w, r, oscal.Options{}) }, validOSCAL},
	"openreports": {func(w io.Writer, r *nist190.Report) error { return openreports.Write(w, r, openreports.Options{}) }, validOpenReports(1 << 20)},
	"openreports open": {func(w io.Writer, r *nist190.Report) error {
		return openreports.Write(w, r, openreports.Options{OpenOnly: true, MaxBytes: 1 << 17})
	}, validOpenReports(1 << 17)},
	"ocsf":       {func(w io.Writer, r *nist190.Report) error { return ocsf.Write(w, r, ocsf.Options{Version: "1.2.3"}) }, validOCSF},
	"ocsf open":  {func(w io.Writer, r *nist190.Report) error { return ocsf.Write(w, r, ocsf.Options{OpenOnly: true}) }, validOCSF},
	"prometheus": {func(w io.Writer, r *nist190.Report) error { return prometheus.Write(w, r, prometheus.Options{}) }, validMetrics},
	"prometheus namespaces": {func(w io.Writer, r *nist190.Report) error {
		return prometheus.Write(w, r, prometheus.Options{Namespaces: true})
	}, validMetrics},
	"sarif": {func(w io.Writer, r *nist190.Report) error { return sarif.Write(w, r, sarif.Options{}) }, validSARIF},
	"sarif all": {func(w io.Writer, r *nist190.Report) error {
		return sarif.Write(w, r, sarif.Options{All: true, Version: "1.2.3", Category: "c"})
	}, validSARIF},
}

func TestFormatsConform(t *testing.T) {
	all := reports(t)
	all["huge"], all["hostile"], all["nothing"] = huge(t), hostile(t), &nist190.Report{}
	for name, f := range formats {
		for kind, rep := range all {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var b bytes.Buffer
				if err := f.write(&b, rep); err != nil {
					t.Fatal(err)
				}
				f.validate(t, b.Bytes())
				if !utf8.Valid(b.Bytes()) {
					t.Error("not UTF-8")
				}
				for _, r := range b.String() {
					if r != '\n' && !unicode.IsPrint(r) {
						t.Fatalf("holds %q", r)
					}
				}
			})
		}
	}
}

// huge has 10,000 findings of every severity, and as many passes.
func huge(t *testing.T) *nist190.Report {
	t.Helper()
	md := metadata("rbac-huge", nist190.UnboundedAdministrativeAccess, "1a")
	return run(t, nil, nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i := range 10000 {
			ref := inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: fmt.Sprintf("team-%03d", i%100), Name: fmt.Sprintf("app-%05d", i)}
			ev := nist190.Evidence{Ref: ref, Path: "spec.template.spec.containers[0].image", Value: "registry.example/app:1"}
			e.Report(nist190.Outcome{
				Status: nist190.Fail, Subject: ref, Key: "container app", Message: fmt.Sprintf("Deployment %q runs as root", ref.Name),
				Severity: nist190.SeverityInfo + nist190.Severity(i%5), Evidence: []nist190.Evidence{ev.From(inventory.Origin{URI: "deploy/app.yaml", Line: i + 1})},
			})
			ref.Kind = "StatefulSet"
			e.Pass(ref)
		}
		return nil
	}))
}

// hostile is a report in which everything that others write is meant to break out of a format.
func hostile(t *testing.T) *nist190.Report {
	t.Helper()
	const evil = "=1+\x1b[31mred\x1b[0m\x07\u202egnp\u200b\u2066|`<b>&\"'\r\n\t\xff\u0085\u2028\\|@user [x](http://evil.example) {0} </script><script>alert(1)</script>]]>--> \ufffe\U000e0001"
	names := []string{evil, strings.Repeat("n", 253), "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\nb", "\u202etxt.exe", ""}
	md := metadata("rbac-hostile", nist190.UnboundedAdministrativeAccess, "1a")
	check := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for i, name := range names {
			for j, s := range []nist190.Status{nist190.Fail, nist190.NotAssessed, nist190.Pass, nist190.NotApplicable} {
				subject := inventory.Ref{Group: "g" + name, Version: "v1", Kind: "K" + name, Namespace: name, Name: name}
				ev := nist190.Evidence{Ref: subject, Path: name, Value: name, Note: name}.From(inventory.Origin{URI: name, Line: j, Column: j, Template: name})
				e.Report(nist190.Outcome{
					Status: s, Subject: subject, Key: fmt.Sprint(name, i, j), Message: name, Path: []string{name, name}, Evidence: []nist190.Evidence{ev}, Remediation: name,
					Missing:  []nist190.Missing{{Evidence: name, Namespace: name, Reason: name}},
					Exhibits: []nist190.Exhibit{{Name: "x", Title: name, Columns: []string{name}, Rows: slices.Values([][]string{{name}})}},
				})
			}
		}
		return errors.New(evil)
	})
	var c inventory.Collector
	for _, name := range names {
		c.Problem(inventory.Problem{Code: inventory.ProblemInvalid, Origin: inventory.Origin{URI: name, Line: 1}, Message: name})
		c.Cover(inventory.CoverageEntry{Group: name, Kind: name, Namespace: name, Coverage: inventory.Coverage{State: inventory.Failed, Reason: name}})
	}
	c.Assume(inventory.World.Set(evil))
	rep := run(t, c.Inventory(), check)
	for f := range rep.Findings() {
		f.Labels, f.Images, f.Owner = map[string]string{evil: evil}, []string{evil}, &f.Subject
		if f.Status == nist190.Fail && f.Subject.Name == "a\nb" {
			f.Suppression = &nist190.Suppression{Reason: evil, Owner: evil, Ticket: evil}
		}
	}
	rep.Run.Cluster = evil
	rep.Requirements[1].Attestation = &nist190.Attestation{Statement: evil, Owner: evil, Evidence: evil}
	return rep
}

func metadata(id string, risk nist190.Risk, sentences ...string) nist190.Metadata {
	return nist190.Metadata{ID: id, Title: "a title", Doc: "A summary.", Risk: risk, Claims: nist190.Claims(sentences...), Severity: nist190.SeverityMedium, Remediation: "change it", Since: "v0.1.0"}
}

func run(t *testing.T, inv *inventory.Inventory, checks ...nist190.Check) *nist190.Report {
	t.Helper()
	if inv == nil {
		inv = (&inventory.Collector{}).Inventory()
	}
	runner := nist190.Runner{Checks: checks, Cluster: "prod", Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }}
	rep, err := runner.Run(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
