// Package view is what every format asks of a report: how a finding was decided, where it leads, and the sentences that
// say so. What it returns as text is harmless, in the sense of package plain.
package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
)

// Sort is what a reader distinguishes: the status, with failures told apart. What decides a roll-up comes first.
type Sort uint8

const (
	Malfunction Sort = iota
	Open
	Unproven // a failure that missing evidence could still refute
	Suppressed
	NotAssessed
	Passed
	NotApplicable
)

// SortOf tells how a finding was decided.
func SortOf(f *nist190.Finding) Sort {
	switch {
	case f.Status == nist190.Fail && f.Suppression != nil:
		return Suppressed
	case f.Status == nist190.Fail:
		return Open
	case f.Status == nist190.Pass:
		return Passed
	case f.Status == nist190.NotApplicable:
		return NotApplicable
	case f.Status == nist190.NotAssessed && f.Provisional == nist190.Fail:
		return Unproven
	case f.Status == nist190.NotAssessed:
		return NotAssessed
	}
	return Malfunction
}

// Place is where a finding leads its reader. The position of a field costs another parse of its document, so that only
// failures are looked up that exactly; for the rest the beginning of the subject has to do.
func Place(f *nist190.Finding) inventory.Origin {
	if PointsAtField(f) {
		return f.Origin()
	}
	return SubjectPlace(f)
}

// PointsAtField reports whether the place of the field is worth its cost.
func PointsAtField(f *nist190.Finding) bool {
	s := SortOf(f)
	return s == Open || s == Unproven || s == Suppressed
}

// SubjectPlace is where the subject begins.
func SubjectPlace(f *nist190.Finding) inventory.Origin {
	bare := *f
	bare.Evidence = nil
	return bare.Origin()
}

// Short names an object as people do: the group of the kind is left out. It is not harmless yet.
func Short(r inventory.Ref) string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	return strings.TrimSuffix(r.Kind+" "+name, " ")
}

// Namespace is that of the subject; a Namespace is in itself. It is not harmless yet.
func Namespace(f *nist190.Finding) string {
	if f.Subject.Kind == "Namespace" && f.Subject.Group == "" {
		return f.Subject.Name
	}
	return f.Subject.Namespace
}

// Message is the sentence of a finding, else the title of its check, which says on what it fails.
func Message(f *nist190.Finding) string {
	title := plain.Line(f.Check.Title)
	if f.Status == nist190.Pass {
		title = "nothing found: " + title
	}
	return cmp.Or(plain.Line(f.Message), title)
}

// Remediation is what to do about a finding: the check's advice where it has none of its own.
func Remediation(f *nist190.Finding) string {
	return strings.TrimSpace(plain.Text(cmp.Or(f.Remediation, f.Check.Remediation)))
}

// Sentences are the keys that a check speaks to.
func Sentences(md *nist190.Metadata) []string {
	out := make([]string, 0, len(md.Claims))
	for _, cl := range md.Claims {
		out = append(out, plain.Line(cl.Sentence))
	}
	return out
}

// WhatIsMissing tells what could still decide a finding.
func WhatIsMissing(f *nist190.Finding) string {
	var parts []string
	for _, m := range f.Missing {
		part := plain.Line(m.Evidence)
		if m.Namespace != "" {
			part += " in " + plain.Line(m.Namespace)
		}
		parts = append(parts, part+" "+m.State.String())
	}
	if len(parts) == 0 {
		return ""
	}
	return " (missing: " + strings.Join(parts, ", ") + ")"
}

// Acceptance tells why a failure is accepted, by whom and until when.
func Acceptance(s *nist190.Suppression) string {
	text := plain.Line(s.Reason)
	for _, part := range []struct{ label, value string }{{"owner ", s.Owner}, {"ticket ", s.Ticket}, {"until ", s.Expires.String()}} {
		if part.value != "" {
			text += ", " + part.label + plain.Line(part.value)
		}
	}
	return text
}

// AttestationText tells who stated what, and until when it holds.
func AttestationText(a *nist190.Attestation) string {
	return fmt.Sprintf("attested by %s until %s: %s", plain.Line(a.Owner), a.Expires, plain.Line(a.Statement))
}

// Attestations lists the statements that decided a sentence or findings of the checks that speak to it.
func Attestations(rep *nist190.Report, q *nist190.Requirement) []*nist190.Attestation {
	var out []*nist190.Attestation
	add := func(a *nist190.Attestation) {
		if a != nil && !slices.ContainsFunc(out, func(b *nist190.Attestation) bool { return AttestationText(a) == AttestationText(b) }) {
			out = append(out, a)
		}
	}
	add(q.Attestation)
	for i := range rep.Checks {
		c := &rep.Checks[i]
		if !slices.Contains(q.Checks, c.Check.ID) {
			continue
		}
		for j := range c.Findings {
			add(c.Findings[j].Attestation)
		}
	}
	return out
}

// GapText is one line per kind of missing evidence.
func GapText(g nist190.Gap) string {
	what := plain.Line(g.Evidence)
	switch {
	case what != "" && g.State != inventory.NotCollected:
		what += " (" + g.State.String() + ")"
	case what != "":
		what += " (not collected)"
	default:
		what = plain.Line(g.Message) + " (" + ReasonText(g.Reason) + ")"
	}
	if g.Why != "" {
		what += ": " + plain.Line(g.Why)
	}
	if g.Reason == nist190.ReasonManualReview {
		return what + "; " + strings.Join(Lines(g.Checks), ", ")
	}
	return fmt.Sprintf("%s; %s undecided, of %s", what, Amount(g.Findings, "finding"), Few(g.Checks, 3, "check"))
}

// ReasonText says why something was not assessed.
func ReasonText(r nist190.Reason) string {
	switch r {
	case nist190.ReasonMissingEvidence:
		return "evidence is missing"
	case nist190.ReasonManualReview:
		return "no object can prove it; attest it"
	case nist190.ReasonUnknown:
		return "what was seen does not decide it"
	case nist190.ReasonUnclassified:
		return "it has no sensitivity level"
	case nist190.ReasonWeakEvidence:
		return "the evidence is too weak"
	case "":
		return "no reason given"
	}
	return plain.Line(string(r))
}

// CoverageText tells how much was seen, and why not all.
func CoverageText(c inventory.Coverage) string {
	if c.Reason == "" {
		return c.State.String()
	}
	return c.State.String() + ", " + plain.Line(c.Reason)
}

// Amount counts things whose plural ends in s.
func Amount(n int, what string) string { return Plural(n, what, what+"s") }

// Plural counts things.
func Plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// Few names a few, and counts many.
func Few(names []string, most int, what string) string {
	if len(names) > most {
		return Amount(len(names), what)
	}
	return strings.Join(Lines(names), ", ")
}

// Lines is never nil, so that a list is written as one.
func Lines(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = plain.Line(s)
	}
	return out
}

// Table is an exhibit that was read and made harmless.
type Table struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	Columns   []string   `json:"columns"`
	Rows      [][]string `json:"rows"`
	Truncated bool       `json:"truncated,omitempty"`
}

// MaxExhibitRows bounds what one exhibit adds to a report: it explains a result, it is not the result.
const MaxExhibitRows = 200

// TableOf reads at most so many rows of an exhibit.
func TableOf(x nist190.Exhibit, most int) Table {
	t := Table{Name: plain.Line(x.Name), Title: plain.Line(x.Title), Columns: Lines(x.Columns), Rows: [][]string{}}
	if x.Rows == nil {
		return t
	}
	for row := range x.Rows {
		if len(t.Rows) == most {
			t.Truncated = true
			break
		}
		t.Rows = append(t.Rows, Lines(row))
	}
	return t
}
