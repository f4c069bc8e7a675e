package html

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// check is a check that has something to look at.
type check struct {
	page   *page
	result *nist190.CheckResult
	Counts counts
}

func (c check) ID() string           { return plain.Line(c.result.Check.ID) }
func (c check) Title() string        { return plain.Line(c.result.Check.Title) }
func (c check) Advisory() bool       { return c.result.Check.Advisory }
func (c check) Sentences() []string  { return view.Sentences(c.result.Check) }
func (c check) Doc() []block         { return blocks(c.result.Check.Doc) }
func (c check) Limits() []block      { return blocks(c.result.Check.Limits) }
func (c check) Remediation() []block { return blocks(c.result.Check.Remediation) }

// block is a paragraph, or lines to be kept as they are.
type block struct {
	Text string
	Code bool
}

// blocks cuts text at empty lines. Lines that are indented, as Go's doc comments have code, keep their breaks; others flow.
func blocks(text string) []block {
	var out []block
	add := func(lines []string) {
		if len(lines) == 0 {
			return
		}
		code := !slices.ContainsFunc(lines, func(l string) bool { return !strings.HasPrefix(l, " ") })
		if !code && looksLikeCode(lines) {
			code = true
		}
		if code {
			out = append(out, block{strings.Join(dedent(lines), "\n"), true})
		} else {
			out = append(out, block{strings.Join(strings.Fields(strings.Join(lines, " ")), " "), false})
		}
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(plain.Text(text)) + "\n\n") {
		if line = strings.TrimRight(line, " \n"); line == "" {
			add(lines)
			lines = nil
			continue
		}
		lines = append(lines, line)
	}
	return out
}

// dedent takes the indent from lines that all have.
func dedent(lines []string) []string {
	least := len(lines[0])
	for _, l := range lines {
		least = min(least, len(l)-len(strings.TrimLeft(l, " ")))
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l[least:]
	}
	return out
}

// looksLikeCode finds manifests and commands that are not indented: a line of them ends in a colon or begins with a key.
func looksLikeCode(lines []string) bool {
	keys := 0
	for _, l := range lines {
		first, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		if strings.HasSuffix(first, ":") || strings.HasPrefix(first, "-") || first == "kubectl" {
			keys++
		}
	}
	return keys > 0 && 2*keys >= len(lines) && (len(lines) > 1 || strings.HasPrefix(lines[0], "kubectl "))
}

// Severity is the worst of what is listed, else that of the check.
func (c check) Severity() string { return cmp.Or(c.worst(), c.result.Check.Severity).String() }

// References are the controls and recommendations that it serves.
func (c check) References() string {
	var out []string
	for _, r := range c.result.Check.Controls {
		out = append(out, "SP 800-53 "+plain.Line(r))
	}
	for _, r := range c.result.Check.CIS {
		out = append(out, "CIS "+plain.Line(r))
	}
	return strings.Join(out, ", ")
}

// Unfolded shows the findings at once.
func (c check) Unfolded() bool { return c.page.Small() }

func (c check) worst() nist190.Severity {
	worst := nist190.SeverityUnset
	for i := range c.result.Findings {
		if f := &c.result.Findings[i]; view.SortOf(f) <= view.Unproven {
			worst = max(worst, f.WorstSeverity())
		}
	}
	return worst
}

// maxRows is how many findings of a check are seen at once; the rest is folded.
const maxRows = 100

func (c check) listed() []*nist190.Finding {
	var out []*nist190.Finding
	for i := range c.result.Findings {
		if f := &c.result.Findings[i]; view.SortOf(f) <= view.Suppressed {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b *nist190.Finding) int {
		return cmp.Or(cmp.Compare(view.SortOf(a), view.SortOf(b)), cmp.Compare(b.WorstSeverity(), a.WorstSeverity()))
	})
	return out
}

// First are the findings that are seen at once, Rest the others.
func (c check) First() iter.Seq[finding] { return rows(c.listed(), 0, min(maxRows, c.page.most)) }

// Rest are the findings that are folded.
func (c check) Rest() iter.Seq[finding] { return rows(c.listed(), maxRows, c.page.most) }

// More is how many there are in Rest.
func (c check) More() int { return max(0, min(c.Counts.Shown(), c.page.most)-maxRows) }

// Omitted is how many findings the page does not have.
func (c check) Omitted() int { return max(0, c.Counts.Shown()-c.page.most) }

func rows(fs []*nist190.Finding, from, to int) iter.Seq[finding] {
	return func(yield func(finding) bool) {
		for i := from; i < min(to, len(fs)); i++ {
			if !yield(findingOf(fs[i])) {
				return
			}
		}
	}
}

// finding is one row, with what unfolds below it.
type finding struct {
	ID, Result, Severity, MaxSeverity, Subject, Namespace, Message, Place, Check, Risk string
	Baseline, Missing, Remediation, Acceptance, Key, Strength, Fingerprint             string
	Path                                                                               []string
	Evidence                                                                           []evidence
	Exhibits                                                                           []exhibit
	Images, Labels                                                                     []string
	Owner                                                                              string
}

type evidence struct{ Object, Path, Value, Note, Place string }

// results are the words for what is listed, by view.Sort.
var results = []string{"malfunction", "open", "unproven", "suppressed", "not assessed", "passed", "not applicable"}

func findingOf(f *nist190.Finding) finding {
	v := finding{
		ID: "f-" + strings.ReplaceAll(plain.Line(f.Fingerprint), ":", "-"), Result: results[view.SortOf(f)], Severity: f.Severity.String(), Subject: cmp.Or(plain.Line(view.Short(f.Subject)), "Cluster"),
		Namespace: plain.Line(view.Namespace(f)), Message: view.Message(f), Place: plain.Line(view.Place(f).String()), Check: plain.Line(f.Check.ID), Risk: string(f.Check.Risk),
		Baseline: plain.Line(string(f.Baseline)), Missing: strings.TrimSpace(view.WhatIsMissing(f)), Key: plain.Line(f.Key), Strength: f.Strength.String(),
		Fingerprint: plain.Line(f.Fingerprint), Path: view.Lines(f.Path), Images: view.Lines(f.Images), Remediation: strings.TrimSpace(plain.Text(f.Remediation)),
	}
	if f.MaxSeverity > f.Severity {
		v.MaxSeverity = f.MaxSeverity.String()
	}
	if f.Suppression != nil {
		v.Acceptance = view.Acceptance(f.Suppression)
	}
	if f.Owner != nil {
		v.Owner = plain.Line(view.Short(*f.Owner))
	}
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		v.Labels = append(v.Labels, plain.Line(k)+"="+plain.Line(f.Labels[k]))
	}
	for _, ev := range f.Evidence {
		e := evidence{plain.Line(view.Short(ev.Ref)), plain.Line(ev.Path), plain.Line(ev.Value), plain.Line(ev.Note), ""}
		if at := plain.Line(ev.Origin().String()); at != v.Place {
			e.Place = at
		}
		if e.Path != "" || e.Value != "" || e.Note != "" || e.Place != "" || e.Object != v.Subject {
			v.Evidence = append(v.Evidence, e)
		}
	}
	for _, x := range f.Exhibits {
		v.Exhibits = append(v.Exhibits, exhibitOf(view.TableOf(x, view.MaxExhibitRows)))
	}
	return v
}
