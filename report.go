package nist190

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/nist190/nist190/inventory"
)

// Report is the result of a run. All but Run is equal for equal input, whatever the parallelism.
type Report struct {
	Run             RunInfo
	Assumptions     []inventory.Assumption
	Coverage        []inventory.CoverageEntry
	DefaultCoverage inventory.Coverage // of kinds that Coverage does not name
	Problems        []inventory.Problem
	Risks           []RiskResult
	Requirements    []Requirement // one per sentence of section 4.3, in order
	Checks          []CheckResult // by risk, then ID
}

// RunInfo is what differs between two runs over equal input.
type RunInfo struct {
	Started   time.Time
	Duration  time.Duration
	Cluster   string
	Objects   int
	Checks    []Timing
	Facts     []Timing
	Abandoned int // checks that ignored the end of their context and were left behind
}

// Timing is how long a check or fact took.
type Timing struct {
	Name     string
	Duration time.Duration
}

// RiskResult is the verdict on one of the five risks.
type RiskResult struct {
	Risk   Risk
	Status Status
}

// CheckResult is what one check found.
type CheckResult struct {
	Check    *Metadata
	Status   Status
	Findings []Finding // by namespace, kind, name, key
	Err      error     // of a check that malfunctioned

	took time.Duration
}

// Findings iterates over all findings in the order of the report.
func (r *Report) Findings() iter.Seq[*Finding] {
	return func(yield func(*Finding) bool) {
		for i := range r.Checks {
			for j := range r.Checks[i].Findings {
				if !yield(&r.Checks[i].Findings[j]) {
					return
				}
			}
		}
	}
}

// Failures iterates over the open failures of at least a severity: suppressed ones are left out.
func (r *Report) Failures(least Severity) iter.Seq[*Finding] {
	return func(yield func(*Finding) bool) {
		for f := range r.Findings() {
			if f.Status == Fail && f.Suppression == nil && f.Severity >= least && !yield(f) {
				return
			}
		}
	}
}

// Status is the verdict over all risks.
func (r *Report) Status() Status {
	var all []Status
	for _, k := range r.Risks {
		all = append(all, k.Status)
	}
	return RollUp(all...)
}

// Gap is evidence that was missing, with what it kept from being decided.
type Gap struct {
	Reason   Reason
	Evidence string // resource.group, URL or file format; empty where no object could help
	Message  string
	State    inventory.State
	Why      string
	Checks   []string
	Findings int // how many findings it left undecided
	Example  inventory.Ref
}

// Gaps groups what is NotAssessed by the evidence that is missing, the most costly first.
func (r *Report) Gaps() []Gap {
	type key struct {
		reason            Reason
		evidence, message string
	}
	groups := map[key]*Gap{}
	for f := range r.Findings() {
		if f.Status != NotAssessed {
			continue
		}
		add := func(k key, m Missing) {
			g := groups[k]
			if g == nil {
				g = &Gap{Reason: k.reason, Evidence: k.evidence, Message: k.message, State: m.State, Why: m.Reason, Example: f.Subject}
				groups[k] = g
			}
			g.Findings++
			if !slices.Contains(g.Checks, f.Check.ID) {
				g.Checks = append(g.Checks, f.Check.ID)
			}
		}
		for _, m := range f.Missing {
			add(key{f.Reason, m.Evidence, ""}, m)
		}
		if len(f.Missing) == 0 {
			add(key{f.Reason, "", f.Check.Title}, Missing{})
		}
	}
	out := make([]Gap, 0, len(groups))
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(b.Findings, a.Findings), cmp.Compare(a.Evidence, b.Evidence), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
	})
	return out
}

func sortFindings(fs []Finding) {
	slices.SortFunc(fs, func(a, b Finding) int {
		return cmp.Or(a.Subject.Compare(b.Subject), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Message, b.Message))
	})
}

// status rolls the findings of a check up.
func (c *CheckResult) rollUp() Status {
	var all []Status
	for i := range c.Findings {
		all = append(all, c.Findings[i].Status)
	}
	return RollUp(all...)
}
