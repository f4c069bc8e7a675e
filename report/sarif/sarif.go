// Package sarif writes a [nist190.Report] as SARIF 2.1.0, for code scanning and for editors.
//
// Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0 plus errata 01.
package sarif

import (
	"cmp"
	"io"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/jsonstream"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// ResultLimit is how many results of one run GitHub takes: it rejects a file with more.
const ResultLimit = 25000

// Options are those of [Write]. The zero value suits an upload to code scanning.
type Options struct {
	// All also writes what passes, does not apply, could not be assessed or is suppressed. Code scanning ignores what SARIF
	// says of a suppression and would show it as open.
	All bool
	// MaxResults bounds the results; the least severe are left out, and a notification counts them. 0 means ResultLimit.
	MaxResults int
	// Root is the directory that paths are written relative to, as a checkout is for code scanning. Empty leaves them as
	// they were given.
	Root string
	// Category tells several analyses of one commit apart: automationDetails.id.
	Category string
	// Version of the program that writes the report.
	Version string
	// Absent are findings of an earlier report that no longer hold, as [nist190.Compare] gives them in Fixed; they are
	// written with the baselineState "absent".
	Absent []*nist190.Finding
}

const (
	schemaURI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	taxonomy  = "NIST SP 800-190 section 4.3"
)

// Write writes the report as a log of one run. It holds one result at a time in memory.
//
// A failure has the kind "fail" and the level of its severity. A failure that missing evidence could still refute has the
// kind "open", as what could not be assessed. A malfunction is a notification, and makes the run unsuccessful. The
// fingerprint of a finding is its partial fingerprint, so that alerts survive moved lines. What has no file, as a live
// object, is located in a synthetic artifact below "kubernetes/".
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	keep := selection(rep, o)
	s := jsonstream.New(w, "")
	s.Write([]byte(`{"$schema":"` + schemaURI + `","version":"2.1.0","runs":[`))
	s.Begin(runOf(rep, o, keep), "results", 0)
	first := true
	write := func(f *nist190.Finding, state string) {
		s.Separate(first, 0)
		s.Write(s.Encode(resultOf(f, state, o), 0))
		first = false
	}
	for f := range rep.Findings() {
		if s.Err() != nil {
			return s.Err()
		}
		if keep.take(f) {
			write(f, baselineState(f.Baseline))
		}
	}
	for _, f := range o.Absent {
		if keep.left > 0 {
			keep.left--
			write(f, "absent")
		}
	}
	s.End(first, 0)
	s.Write([]byte("]}\n"))
	return s.Flush()
}

// rank orders what is kept first: open failures, then unproven ones, each by severity, then the rest.
func rank(f *nist190.Finding) int {
	severity := int(nist190.SeverityCritical) - int(f.WorstSeverity())
	switch view.SortOf(f) {
	case view.Open:
		return severity
	case view.Unproven:
		return ranks/3 + severity
	}
	return 2 * ranks / 3
}

const ranks = 3 * (int(nist190.SeverityCritical) + 1)

// kept is what of a report is written.
type kept struct {
	o       Options
	room    [ranks]int // how many findings of a rank may be written
	left    int        // for absent ones
	omitted int
	broken  bool
}

func selection(rep *nist190.Report, o Options) *kept {
	k := &kept{o: o, left: o.MaxResults}
	if k.left <= 0 {
		k.left = ResultLimit
	}
	var want [ranks]int
	for f := range rep.Findings() {
		if k.wants(f) {
			want[rank(f)]++
		}
		k.broken = k.broken || view.SortOf(f) == view.Malfunction
	}
	for i, n := range want {
		k.room[i] = min(n, k.left)
		k.left -= k.room[i]
		k.omitted += n - k.room[i]
	}
	k.omitted += max(0, len(o.Absent)-k.left)
	return k
}

func (k *kept) wants(f *nist190.Finding) bool {
	switch view.SortOf(f) {
	case view.Malfunction:
		return false
	case view.Open, view.Unproven:
		return true
	}
	return k.o.All
}

func (k *kept) take(f *nist190.Finding) bool {
	if !k.wants(f) || k.room[rank(f)] == 0 {
		return false
	}
	k.room[rank(f)]--
	return true
}

func baselineState(b nist190.BaselineState) string {
	switch b {
	case nist190.BaselineNew:
		return "new"
	case nist190.BaselineUnchanged:
		return "unchanged"
	case nist190.BaselineChanged:
		return "updated"
	}
	return ""
}

func level(s nist190.Severity) string {
	switch s {
	case nist190.SeverityCritical, nist190.SeverityHigh:
		return "error"
	case nist190.SeverityMedium:
		return "warning"
	}
	return "note"
}

// score is within the range that code scanning calls by the same name: critical from 9.0, high from 7.0, medium from 4.0.
func score(s nist190.Severity) string {
	switch s {
	case nist190.SeverityCritical:
		return "9.5"
	case nist190.SeverityHigh:
		return "8.0"
	case nist190.SeverityMedium:
		return "5.5"
	case nist190.SeverityLow:
		return "2.0"
	}
	return ""
}

func resultOf(f *nist190.Finding, state string, o Options) result {
	at := view.Place(f)
	r := result{
		RuleID:  plain.Line(f.Check.ID),
		Message: message{Text: text(messageOf(f))},
		Locations: []location{{
			PhysicalLocation: physicalOf(at, f.Subject, o.Root),
			LogicalLocations: []logicalLocation{{
				Name: plain.Line(f.Subject.Name), FullyQualifiedName: cmp.Or(plain.Line(f.Subject.String()), "Cluster"), Kind: "object",
			}},
		}},
		PartialFingerprints: map[string]string{
			"nist190Finding/v1": plain.Line(f.Fingerprint),
			// What code scanning compares: "<hash>:<occurrence>".
			"primaryLocationLineHash": hash(f.Fingerprint) + ":1",
		},
		BaselineState: state,
		Properties: resultProperties{
			Severity: f.Severity.String(), MaxSeverity: f.MaxSeverity.String(), Status: f.Status.String(), Reason: plain.Line(string(f.Reason)),
			Strength: f.Strength.String(), Key: plain.Line(f.Key), Sentences: view.Sentences(f.Check), Remediation: plain.Text(f.Remediation),
			SecuritySeverity: score(f.WorstSeverity()),
		},
	}
	r.Kind, r.Level = "open", "none"
	switch view.SortOf(f) {
	case view.Open, view.Suppressed:
		r.Kind, r.Level = "fail", level(f.Severity)
	case view.Passed:
		r.Kind = "pass"
	case view.NotApplicable:
		r.Kind = "notApplicable"
	case view.Unproven:
		r.Properties.Provisional = f.Provisional.String()
	}
	if len(f.Path) > 0 {
		r.Properties.Path = view.Lines(f.Path)
	}
	if f.Suppression != nil {
		r.Suppressions = []suppression{{Kind: "external", Status: "accepted", Justification: view.Acceptance(f.Suppression)}}
	}
	if view.PointsAtField(f) {
		r.RelatedLocations = related(f, at, o.Root)
	}
	return r
}

// messageOf is the message with what a reader of one alert has to know.
func messageOf(f *nist190.Finding) string {
	s := view.Message(f)
	if view.SortOf(f) == view.Unproven {
		s = "unproven: " + s + view.WhatIsMissing(f)
	}
	for i, step := range view.Lines(f.Path) {
		if i == 0 {
			s += ": "
		} else {
			s += " > "
		}
		s += step
	}
	return s
}

// related are the further places that a verdict rests on. GitHub takes 1,000 locations of a result.
func related(f *nist190.Finding, shown inventory.Origin, root string) []location {
	const most = 100
	var out []location
	for _, ev := range f.Evidence {
		at := ev.Origin()
		if at.IsZero() || at == shown || len(out) == most {
			continue
		}
		what := plain.Line(ev.Ref.String())
		if ev.Path != "" {
			what += " " + plain.Line(ev.Path)
		}
		if ev.Note != "" {
			what += ": " + plain.Line(ev.Note)
		}
		out = append(out, location{ID: len(out) + 1, PhysicalLocation: physicalOf(at, ev.Ref, root), Message: &message{Text: text(cmp.Or(what, "evidence"))}})
	}
	return out
}
