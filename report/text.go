package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// TextOptions are those of [Text]. The zero value suits a log file.
type TextOptions struct {
	Color   bool   // ANSI colours
	Width   int    // columns to wrap at; 0 does not wrap
	GroupBy string // one of GroupKeys; empty means risk
	Verbose bool   // every failing subject, suppressed ones too, and what was not completely seen
}

// maxRows is how many subjects of one failing check are listed, unless all are asked for.
const maxRows = 10

// Text writes the report for a person at a terminal or in a log: the answer to every sentence of section 4.3; failures by
// group and check, with their place first so that terminals link it, and the remediation once per check; then what could
// not be assessed by the evidence that is missing, problems with the input, and last the totals. It never lists what
// passes.
func Text(w io.Writer, rep *nist190.Report, o TextOptions) error {
	key := cmp.Or(o.GroupBy, "risk")
	groups, err := GroupBy(rep, key)
	if err != nil {
		return err
	}
	p := &textPrinter{Writer: bufio.NewWriter(w), o: o}
	p.requirements(rep)
	for i := range groups {
		p.group(rep, key, &groups[i])
	}
	p.gaps(rep)
	p.coverage(rep)
	p.problems(rep)
	p.totals(rep)
	return p.Flush()
}

// textPrinter leaves errors to bufio.Writer, which keeps the first until Flush.
type textPrinter struct {
	*bufio.Writer
	o TextOptions
}

func (p *textPrinter) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

const (
	bold    = "1"
	dim     = "2"
	red     = "31"
	boldRed = "1;31"
	green   = "32"
	yellow  = "33"
)

func (p *textPrinter) paint(style, s string) string {
	if !p.o.Color || s == "" || style == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func statusStyle(s nist190.Status) string {
	switch s {
	case nist190.Fail, nist190.Error:
		return boldRed
	case nist190.NotAssessed:
		return yellow
	case nist190.Pass:
		return green
	}
	return dim
}

func severityStyle(s nist190.Severity) string {
	switch s {
	case nist190.SeverityCritical:
		return boldRed
	case nist190.SeverityHigh:
		return red
	case nist190.SeverityMedium:
		return yellow
	}
	return ""
}

// group prints the checks of one group that have something to look at.
func (p *textPrinter) group(rep *nist190.Report, key string, g *Group) {
	if g.Counts.Fail+g.Counts.Unproven+g.Counts.Suppressed+g.Counts.Error == 0 {
		return
	}
	p.printf("%s\n", p.paint(bold, groupTitle(rep, key, g.Value)))
	for findings := range byCheck(g.Findings) {
		p.check(findings)
	}
	p.printf("\n")
}

func groupTitle(rep *nist190.Report, key, value string) string {
	switch {
	case key == "risk":
		title := value + " " + nist190.Risk(value).Title()
		for _, r := range rep.Risks {
			if string(r.Risk) == value {
				title += ": " + r.Status.String()
			}
		}
		return title
	case value == "" && key == "namespace":
		return "cluster-wide"
	case value == "":
		return "no " + strings.TrimPrefix(key, labelKey)
	}
	return plain.Line(strings.TrimPrefix(key, labelKey) + " " + value)
}

// check prints the findings of one check within a group.
func (p *textPrinter) check(fs []*nist190.Finding) {
	rows := listed(fs, p.o.Verbose)
	md, n := fs[0].Check, count(slices.Values(fs))
	if len(rows) == 0 && n.Suppressed == 0 {
		return
	}
	p.printf("\n  %s  %s  %s  %s\n", p.paint(severityStyle(md.Severity), md.Severity.String()), p.paint(bold, plain.Line(md.ID)),
		plain.Line(md.Title), p.paint(dim, "["+strings.Join(view.Sentences(md), " ")+"] "+tally(n)))
	hidden := 0
	if !p.o.Verbose && len(rows) > maxRows {
		rows, hidden = rows[:maxRows], len(rows)-maxRows
	}
	p.rows(rows)
	if hidden > 0 {
		p.printf("    %s\n", p.paint(dim, fmt.Sprintf("... and %d more", hidden)))
	}
	most := 1
	if p.o.Verbose {
		most = len(fs)
	}
	advice, more := remedies(listed(fs, false), most)
	for _, r := range advice {
		if text := strings.TrimSpace(r.text); strings.Contains(text, "\n") {
			p.printf("    %s:\n", r.label())
			// Not wrapped: it may be YAML, to be copied.
			for line := range strings.Lines(plain.Text(text) + "\n") {
				p.printf("%s\n", strings.TrimRight("      "+line, " \n"))
			}
		} else {
			p.paragraph("    "+r.label()+": ", text)
		}
	}
	if more > 0 {
		p.printf("    %s\n", p.paint(dim, fmt.Sprintf("... and %s for other subjects", view.Plural(more, "fix", "fixes"))))
	}
}

// tally is what a check found, in brackets behind its title.
func tally(n Counts) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{n.Fail, "open"}, {n.Unproven, "unproven"}, {n.Suppressed, "suppressed"}, {n.Error, "malfunctioned"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// listed gives the findings to look at: malfunctions, then open failures, then unproven ones, the worst first.
func listed(fs []*nist190.Finding, accepted bool) []*nist190.Finding {
	var out []*nist190.Finding
	for _, f := range fs {
		if s := view.SortOf(f); s <= view.Unproven || accepted && s == view.Suppressed {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b *nist190.Finding) int {
		return cmp.Or(cmp.Compare(view.SortOf(a), view.SortOf(b)), cmp.Compare(b.WorstSeverity(), a.WorstSeverity()))
	})
	return out
}

// remedy is what to do about failures.
type remedy struct {
	text string
	of   *nist190.Finding // the first that it is for; nil where it is the check's advice for all
}

// remedies lists what to do about the failures among fs, each once: the advice of the check, then that for single
// subjects in the order of fs, of which at most so many. hidden is how many more there are.
func remedies(fs []*nist190.Finding, most int) (out []remedy, hidden int) {
	seen := map[string]bool{"": true}
	var own []remedy
	for _, f := range fs {
		if s := view.SortOf(f); s != view.Open && s != view.Unproven {
			continue
		}
		if text := f.Check.Remediation; f.Remediation == "" && !seen[text] {
			seen[text] = true
			out = append(out, remedy{text: text})
		}
		if !seen[f.Remediation] {
			seen[f.Remediation] = true
			own = append(own, remedy{f.Remediation, f})
		}
	}
	if len(own) > most {
		own, hidden = own[:most], len(own)-most
	}
	if len(own)+hidden == 1 && len(out) == 0 {
		own[0].of = nil // it is for all of them
	}
	return append(out, own...), hidden
}

// label tells whom a remedy is for.
func (r remedy) label() string {
	if r.of == nil {
		return "fix"
	}
	return "fix for " + plain.Line(view.Short(r.of.Subject))
}

// rows prints findings in columns: place, severity, subject, message.
func (p *textPrinter) rows(fs []*nist190.Finding) {
	type row struct{ place, severity, subject string }
	rows := make([]row, len(fs))
	var wide row
	widen := func(into *string, s string, most int) {
		if n := utf8.RuneCountInString(s); n > len(*into) && n <= most {
			*into = strings.Repeat(" ", n)
		}
	}
	for i, f := range fs {
		r := row{cmp.Or(plain.Line(view.Place(f).String()), "-"), f.Severity.String(), plain.Line(view.Short(f.Subject))}
		if view.SortOf(f) == view.Malfunction {
			r.severity = "error"
		} else if f.MaxSeverity > f.Severity {
			r.severity += ".." + f.MaxSeverity.String()
		}
		rows[i] = r
		widen(&wide.place, r.place, 60)
		widen(&wide.severity, r.severity, 20)
		widen(&wide.subject, r.subject, 60)
	}
	const margin = "    "
	for i, f := range fs {
		r := rows[i]
		head := margin + pad(r.place, len(wide.place)) + "  " + p.paint(severityStyle(f.WorstSeverity()), pad(r.severity, len(wide.severity))) +
			"  " + pad(r.subject, len(wide.subject)) + "  "
		used := len(margin) + max(utf8.RuneCountInString(r.place), len(wide.place)) + 2 + len(wide.severity) + 2 +
			max(utf8.RuneCountInString(r.subject), len(wide.subject)) + 2
		text := message(f, p.o.Verbose)
		const least = 40 // columns that a message needs beside the others
		switch {
		case p.o.Width == 0:
			p.printf("%s%s\n", head, text)
		case p.o.Width-used >= least:
			for j, line := range wrap(text, p.o.Width-used) {
				if j > 0 {
					head = strings.Repeat(" ", used)
				}
				p.printf("%s%s\n", head, line)
			}
		default:
			p.printf("%s\n", strings.TrimRight(head, " "))
			for _, line := range wrap(text, p.o.Width-2*len(margin)) {
				p.printf("%s%s%s\n", margin, margin, line)
			}
		}
	}
}

// message is what a row says, with what a reader has to know of the verdict.
func message(f *nist190.Finding, verbose bool) string {
	s := cmp.Or(plain.Line(f.Message), plain.Line(f.Check.Title))
	if f.Baseline != nist190.BaselineNone {
		s = "[" + plain.Line(string(f.Baseline)) + "] " + s
	}
	switch view.SortOf(f) {
	case view.Unproven:
		s = "unproven: " + s + view.WhatIsMissing(f)
	case view.Suppressed:
		s = "suppressed: " + s + " (" + view.Acceptance(f.Suppression) + ")"
	}
	if verbose && len(f.Path) > 0 {
		s += ": " + strings.Join(view.Lines(f.Path), " > ")
	}
	return s
}

// gaps prints what could not be assessed, by what is missing.
func (p *textPrinter) gaps(rep *nist190.Report) {
	gaps := rep.Gaps()
	if len(gaps) == 0 {
		return
	}
	p.printf("%s\n\n", p.paint(bold, "Not assessed, by what is missing"))
	for _, g := range gaps {
		p.paragraph("  ", view.GapText(g))
	}
	p.printf("\n")
}

// coverage prints, when asked for everything, the kinds that were not completely seen.
func (p *textPrinter) coverage(rep *nist190.Report) {
	if !p.o.Verbose {
		return
	}
	p.printf("%s\n\n", p.paint(bold, "Coverage"))
	for _, e := range rep.Coverage {
		if e.State.Complete() {
			continue
		}
		line := plain.Line(e.GroupKind().String())
		if e.Namespace != "" {
			line += " in " + plain.Line(e.Namespace)
		}
		p.paragraph("  ", line+": "+view.CoverageText(e.Coverage))
	}
	p.paragraph("  ", "kinds that are not named: "+view.CoverageText(rep.DefaultCoverage))
	p.printf("\n")
}

// problems prints what was wrong with the input, and what is assumed.
func (p *textPrinter) problems(rep *nist190.Report) {
	if len(rep.Problems) > 0 {
		p.printf("%s\n\n", p.paint(bold, "Problems"))
		shown := rep.Problems
		if !p.o.Verbose {
			// Notices cost no evidence; those of the caller's own configuration ask for a correction.
			shown = slices.DeleteFunc(slices.Clone(shown), func(q inventory.Problem) bool {
				return q.Level == inventory.ProblemNotice && q.Code != inventory.ProblemConfiguration
			})
			shown = shown[:min(len(shown), 5*maxRows)]
		}
		for _, q := range shown {
			p.paragraph("  ", cmp.Or(plain.Line(q.Origin.String()), "-")+"  "+q.Level.String()+"  "+plain.Line(q.Message))
		}
		if n := len(rep.Problems) - len(shown); n > 0 {
			p.printf("  %s\n", p.paint(dim, fmt.Sprintf("... and %d more", n)))
		}
		p.printf("\n")
	}
	if len(rep.Assumptions) > 0 {
		p.printf("%s\n\n", p.paint(bold, "Assumptions"))
		for _, a := range rep.Assumptions {
			suffix := " (default)"
			if a.Configured {
				suffix = ""
			}
			p.paragraph("  ", plain.Line(a.Name)+": "+cmp.Or(plain.Line(a.Value), "not set")+suffix)
		}
		p.printf("\n")
	}
}

// requirements prints the answer to every sentence.
func (p *textPrinter) requirements(rep *nist190.Report) {
	if len(rep.Requirements) == 0 {
		return
	}
	p.printf("%s\n", p.paint(bold, "NIST SP 800-190 section 4.3, by sentence"))
	risk := nist190.Risk("")
	var attestable []string
	for i := range rep.Requirements {
		q := &rep.Requirements[i]
		if q.Sentence.Risk != risk {
			risk = q.Sentence.Risk
			p.printf("\n  %s\n", p.paint(dim, string(risk)+" "+risk.Title()))
		}
		column := 2 + 2 + 2 + len("NotApplicable") + 2
		p.printf("  %s  %s  ", pad(plain.Line(q.Sentence.Key), 2), p.paint(statusStyle(q.Status), pad(q.Status.String(), len("NotApplicable"))))
		for j, line := range wrap(plain.Line(q.Sentence.Text), p.remaining(column)) {
			p.printf("%s%s\n", strings.Repeat(" ", column*min(j, 1)), line)
		}
		if q.NeedsAttestation() {
			attestable = append(attestable, q.Sentence.Key)
			continue
		}
		for _, note := range requirementNotes(rep, q) {
			p.paragraph(strings.Repeat(" ", column), note)
		}
	}
	p.printf("\n")
	if len(attestable) > 0 {
		p.paragraph("  ", "An attestation, with an owner and a date on which it expires, would answer "+strings.Join(view.Lines(attestable), ", ")+".")
		p.printf("\n")
	}
}

// requirementNotes say on what an answer rests, or what would give one.
func requirementNotes(rep *nist190.Report, q *nist190.Requirement) []string {
	var out []string
	switch {
	case q.Status == nist190.Pass && q.Strength != inventory.StrengthUnset:
		out = append(out, "evidence: "+q.Strength.String())
	case q.Status == nist190.NotAssessed && q.Unlock != "":
		out = append(out, plain.Line(q.Unlock))
	}
	for _, a := range view.Attestations(rep, q) {
		out = append(out, view.AttestationText(a))
	}
	return out
}

// remaining is the width beside a number of columns; 0 does not wrap.
func (p *textPrinter) remaining(used int) int {
	if p.o.Width == 0 {
		return 0
	}
	return max(p.o.Width-used, 20)
}

func (p *textPrinter) totals(rep *nist190.Report) {
	s := rep.Status()
	line := Count(rep).String() + "; " + view.Amount(len(rep.Checks), "check")
	if rep.Run.Objects > 0 {
		line += ", " + view.Amount(rep.Run.Objects, "object")
	}
	p.printf("%s: %s\n", p.paint(statusStyle(s), s.String()), line)
}

// paragraph prints text behind a first-line indent, its further lines below the text.
func (p *textPrinter) paragraph(indent, text string) {
	hang := strings.Repeat(" ", utf8.RuneCountInString(indent))
	width := p.remaining(len(hang))
	for _, part := range strings.Split(strings.TrimSpace(plain.Text(text)), "\n") {
		for _, line := range wrap(part, width) {
			p.printf("%s\n", strings.TrimRight(indent+line, " "))
			indent = hang
		}
	}
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// wrap breaks a line at spaces. Leading spaces are kept: they may be YAML. A word that is too long has a line of its own.
func wrap(s string, width int) []string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return []string{s}
	}
	indent := s[:len(s)-len(strings.TrimLeft(s, " "))]
	var out []string
	line := indent
	for _, word := range strings.Fields(s) {
		switch {
		case len(line) == len(indent):
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			out = append(out, line)
			line = indent + word
		}
	}
	return append(out, line)
}
