package html

import (
	"cmp"
	"fmt"
	"html/template"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

var functions = template.FuncMap{
	"plural": view.Plural,
	"line":   plain.Line,
	"add":    func(a, b int) int { return a + b },
}

// page is what the template reads. Findings are made while it is written.
type page struct {
	rep  *nist190.Report
	o    Options
	most int // findings of one check

	Policy string
	Style  template.CSS
	Script template.JS
	Counts counts
	Risks  []risk
	Places places
}

// counts is how many findings there are of each sort.
type counts struct {
	Open, Unproven, Suppressed, Malfunctions, NotAssessed, Passed, NotApplicable int
	BySeverity                                                                   [nist190.SeverityCritical + 1]int // of the open ones
}

func (c *counts) add(f *nist190.Finding) {
	switch view.SortOf(f) {
	case view.Open:
		c.Open++
		c.BySeverity[min(f.Severity, nist190.SeverityCritical)]++
	case view.Unproven:
		c.Unproven++
	case view.Suppressed:
		c.Suppressed++
	case view.Malfunction:
		c.Malfunctions++
	case view.NotAssessed:
		c.NotAssessed++
	case view.Passed:
		c.Passed++
	case view.NotApplicable:
		c.NotApplicable++
	}
}

// Shown is how many of them the page lists one by one.
func (c counts) Shown() int { return c.Open + c.Unproven + c.Suppressed + c.Malfunctions }

// severityCount is one severity of open findings.
type severityCount struct {
	Severity string
	Count    int
}

// Severities are those of open findings, the worst first.
func (c counts) Severities() []severityCount {
	var out []severityCount
	for s := nist190.SeverityCritical; s > nist190.SeverityUnset; s-- {
		if n := c.BySeverity[s]; n > 0 {
			out = append(out, severityCount{s.String(), n})
		}
	}
	return out
}

// risk is one of the five, with its sentences and the checks that have something to look at.
type risk struct {
	ID, Title    string
	Status       nist190.Status
	Counts       counts
	Requirements []requirement
	Answered     int
	Checks       []check
}

type requirement struct {
	Key, Text, Unlock string
	Status            nist190.Status
	Strength          string
	Attestations      []*nist190.Attestation
	ByPerson          bool // nothing but an attestation would answer it
	Checks            []string
}

func newPage(rep *nist190.Report, o Options) *page {
	p := &page{rep: rep, o: o, Policy: policy(), Style: template.CSS(style), Script: template.JS(script)}
	for _, k := range nist190.Risks() {
		r := risk{ID: string(k), Title: k.Title()}
		for _, got := range rep.Risks {
			if got.Risk == k {
				r.Status = got.Status
			}
		}
		for i := range rep.Requirements {
			if q := &rep.Requirements[i]; q.Sentence.Risk == k {
				r.Requirements = append(r.Requirements, requirement{
					Key: plain.Line(q.Sentence.Key), Text: plain.Line(q.Sentence.Text), Status: q.Status, Strength: q.Strength.String(), Checks: view.Lines(q.Checks),
					Attestations: view.Attestations(rep, q), ByPerson: q.NeedsAttestation(), Unlock: unlock(q),
				})
				if q.Status != nist190.NotAssessed && q.Status != nist190.Error {
					r.Answered++
				}
			}
		}
		p.Risks = append(p.Risks, r)
	}
	for i := range rep.Checks {
		c := check{page: p, result: &rep.Checks[i]}
		for j := range c.result.Findings {
			f := &c.result.Findings[j]
			c.Counts.add(f)
			p.Counts.add(f)
			p.Places.add(f)
		}
		at := slices.Index(nist190.Risks(), c.result.Check.Risk)
		if at < 0 {
			continue
		}
		for j := range c.result.Findings {
			p.Risks[at].Counts.add(&c.result.Findings[j])
		}
		if c.Counts.Shown() > 0 {
			p.Risks[at].Checks = append(p.Risks[at].Checks, c)
		}
	}
	var sizes []int
	for _, r := range p.Risks {
		for _, c := range r.Checks {
			sizes = append(sizes, c.Counts.Shown())
		}
	}
	p.most = share(sizes, cmp.Or(o.MaxFindings, 20000))
	for i := range p.Risks {
		slices.SortStableFunc(p.Risks[i].Checks, func(a, b check) int { return cmp.Compare(b.worst(), a.worst()) })
	}
	return p
}

// share is the most that each may have so that all together have at most so many, and at least one each.
func share(sizes []int, most int) int {
	slices.Sort(sizes)
	for i, n := range sizes {
		if each := most / (len(sizes) - i); n > each {
			return max(each, 1)
		}
		most -= n
	}
	return math.MaxInt
}

func unlock(q *nist190.Requirement) string {
	if q.Status != nist190.NotAssessed || q.NeedsAttestation() {
		return ""
	}
	return plain.Line(q.Unlock)
}

// Title is that of the page.
func (p *page) Title() string { return plain.Line(cmp.Or(p.o.Title, "NIST SP 800-190, section 4.3")) }

// Cluster is what was scanned.
func (p *page) Cluster() string { return plain.Line(p.rep.Run.Cluster) }

// Date is when it was scanned.
func (p *page) Date() string {
	if p.rep.Run.Started.IsZero() {
		return ""
	}
	return p.rep.Run.Started.UTC().Format("2 January 2006, 15:04 UTC")
}

// Status is the verdict over all risks.
func (p *page) Status() nist190.Status { return p.rep.Status() }

// Checks is how many ran, Objects what they ran over.
func (p *page) Checks() int { return len(p.rep.Checks) }

// Objects is how many objects were read.
func (p *page) Objects() int { return p.rep.Run.Objects }

// Small is a report that is read from top to bottom: nothing in it is folded.
func (p *page) Small() bool { return p.Counts.Shown() <= 40 }

// gap is evidence that is missing, with the sentences that it would help to answer.
type gap struct {
	What, Why, Unlock string
	Findings          int
	Checks, Sentences []string
	ByPerson          bool
}

// Gaps are what could not be assessed, the most costly first.
func (p *page) Gaps() []gap {
	var out []gap
	for _, g := range p.rep.Gaps() {
		v := gap{What: plain.Line(cmp.Or(g.Evidence, g.Message)), Findings: g.Findings, Checks: view.Lines(g.Checks), ByPerson: g.Reason == nist190.ReasonManualReview}
		if g.Evidence != "" {
			v.Why = strings.TrimSuffix(g.State.String()+": "+plain.Line(g.Why), ": ")
			if g.Reason == nist190.ReasonMissingEvidence {
				v.Unlock = "grant list on it, or add its manifests"
			}
		} else {
			v.Why = view.ReasonText(g.Reason)
		}
		switch g.Reason {
		case nist190.ReasonUnclassified:
			v.Unlock = "a sensitivity level: a label, or a rule of the configuration"
		case nist190.ReasonUnknown:
			v.Unlock = "what the configuration can state of the cluster, or an attestation"
		case nist190.ReasonWeakEvidence:
			v.Unlock = "evidence from the running cluster"
		}
		if v.ByPerson {
			v.Unlock = "an attestation, with an owner and a date on which it expires"
		}
		for i := range p.rep.Requirements {
			q := &p.rep.Requirements[i]
			if q.Status == nist190.NotAssessed && slices.ContainsFunc(g.Checks, func(id string) bool { return slices.Contains(q.Checks, id) }) {
				v.Sentences = append(v.Sentences, plain.Line(q.Sentence.Key))
			}
		}
		out = append(out, v)
	}
	return out
}

// Unanswered are the sentences that only a person can answer.
func (p *page) Unanswered() []string {
	var out []string
	for i := range p.rep.Requirements {
		if q := &p.rep.Requirements[i]; q.NeedsAttestation() {
			out = append(out, plain.Line(q.Sentence.Key))
		}
	}
	return out
}

// problem is something wrong with the input.
type problem struct{ Place, Level, Message string }

// Problems are those with the input; beyond a thousand they are counted.
func (p *page) Problems() []problem {
	var out []problem
	for _, q := range p.rep.Problems[:min(len(p.rep.Problems), maxProblems)] {
		out = append(out, problem{plain.Line(q.Origin.String()), q.Level.String(), plain.Line(q.Message)})
	}
	return out
}

const maxProblems = 1000

// MoreProblems is how many are not listed.
func (p *page) MoreProblems() int { return max(0, len(p.rep.Problems)-maxProblems) }

// Assumptions are what the verdicts take for granted.
func (p *page) Assumptions() []inventory.Assumption { return p.rep.Assumptions }

// incomplete are the kinds that were not completely seen for one reason.
type incomplete struct {
	State string
	Kinds []string
	More  int
}

// Incomplete are the kinds that were not completely seen, by state and reason. Of one reason a hundred are named.
func (p *page) Incomplete() []incomplete {
	const most = 100
	var out []incomplete
	at := map[string]int{}
	for _, e := range p.rep.Coverage {
		if e.State.Complete() {
			continue
		}
		state := view.CoverageText(e.Coverage)
		i, ok := at[state]
		if !ok {
			i = len(out)
			at[state] = i
			out = append(out, incomplete{State: state})
		}
		if len(out[i].Kinds) == most {
			out[i].More++
			continue
		}
		name := plain.Line(e.GroupKind().String())
		if e.Namespace != "" {
			name += " in " + plain.Line(e.Namespace)
		}
		out[i].Kinds = append(out[i].Kinds, name)
	}
	return out
}

// Rest is how kinds that are not named were seen.
func (p *page) Rest() string { return view.CoverageText(p.rep.DefaultCoverage) }

// places counts open failures by namespace and risk.
type places struct {
	count map[string]*[6]int
}

func (p *places) add(f *nist190.Finding) {
	if view.SortOf(f) != view.Open {
		return
	}
	if p.count == nil {
		p.count = map[string]*[6]int{}
	}
	ns := view.Namespace(f)
	if p.count[ns] == nil {
		p.count[ns] = &[6]int{}
	}
	row := p.count[ns]
	row[5]++
	if i := slices.Index(nist190.Risks(), f.Check.Risk); i >= 0 {
		row[i]++
	}
}

// cell is a number and how dark it is.
type cell struct{ Count, Heat int }

// place is a namespace with its numbers by risk.
type place struct {
	Name  string
	Cells []cell
	Total int
}

const maxPlaces = 25

// Rows are the namespaces with most open failures.
func (p places) Rows() []place {
	names := slices.SortedFunc(maps.Keys(p.count), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.count[b][5], p.count[a][5]), cmp.Compare(a, b))
	})
	var out []place
	for _, n := range names[:min(len(names), maxPlaces)] {
		row := place{Name: plain.Line(n), Total: p.count[n][5]}
		for _, k := range p.count[n][:5] {
			row.Cells = append(row.Cells, cell{k, heat(k)})
		}
		out = append(out, row)
	}
	return out
}

// More is how many namespaces are not shown.
func (p places) More() int { return max(0, len(p.count)-maxPlaces) }

// Names are the namespaces with open failures, for the filter.
func (p places) Names() []string {
	var out []string
	for _, n := range slices.Sorted(maps.Keys(p.count)) {
		if n != "" {
			out = append(out, plain.Line(n))
		}
	}
	return out
}

// heat grows with the magnitude: 1, 2 to 4, 5 to 19, 20 to 99, 100 and more.
func heat(n int) int {
	for i, least := range []int{100, 20, 5, 2, 1} {
		if n >= least {
			return 5 - i
		}
	}
	return 0
}

// change is a list of findings that a comparison names.
type change struct {
	Name, Meaning string
	Count         int
	findings      []*nist190.Finding
	page          *page
}

const maxChanges = 1000

// Rows are the first of them.
func (c change) Rows() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		for _, f := range c.findings[:min(len(c.findings), maxChanges)] {
			if !yield(findingOf(f)) {
				return
			}
		}
	}
}

// More is how many are not listed.
func (c change) More() int { return max(0, c.Count-maxChanges) }

// Changes compare with the earlier report, if there is one.
func (p *page) Changes() []change {
	d := p.o.Delta
	if d == nil {
		return nil
	}
	out := []change{
		{Name: "New", Meaning: "not in the earlier report", findings: d.New},
		{Name: "Fixed", Meaning: "the subject passes now, or is gone", findings: d.Fixed},
		{Name: "Changed", Meaning: "its severity, verdict or acceptance differs", findings: d.Changed},
		{Name: "Unknowable", Meaning: "what would show whether it still holds could not be seen", findings: d.Unknowable},
		{Name: "Unchanged", Meaning: "as it was"},
	}
	for i := range out {
		out[i].Count, out[i].page = len(out[i].findings), p
	}
	out[4].Count = len(d.Unchanged)
	return out
}

// Summary is one line.
func (c counts) Summary() string {
	parts := []string{fmt.Sprintf("%d open", c.Open)}
	for _, p := range []struct {
		n    int
		what string
	}{{c.Unproven, "unproven"}, {c.Suppressed, "suppressed"}, {c.Malfunctions, "malfunctioned"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}
